import { RemoteWorld } from '../src/remote/remote-world.ts'
import { ticketHandler } from './ticket-handler.ts'

/** Runs a proof with a test environment for ticket-handler over HTTP, and closes it after that. */
export async function* withRemoteWorld(prove: (world: RemoteWorld) => AsyncIterable<string>): AsyncGenerator<string> {
  const world = new RemoteWorld(ticketHandler)
  await world.open()
  try {
    yield* prove(world)
  } finally {
    await world.close()
  }
}

/** @throws with the lines, if there are any */
export function mustBeEmpty(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(`${faults.length} faults:\n${faults.slice(0, 20).join('\n')}`)
}
