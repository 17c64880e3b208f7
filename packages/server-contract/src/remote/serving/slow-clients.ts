import { expect, it } from 'vitest'
import { outputOf } from '../../human.ts'
import { messageOf } from '../remote-server.ts'
import { type RemoteWorld, scopesOf } from '../remote-world.ts'
import { SlowClients } from '../slow-clients.ts'

/** More than the buffers of a connection hold. */
const UNREAD_REPLIES = 2_000

/** Clients that send or read slowly. `pnpm soak slow-clients` waits until the server drops them. */
export function describeSlowClients(world: RemoteWorld): void {
  const { subject } = world
  const [read] = subject.tools.filter(({ effect }) => effect === 'read')
  if (!read) throw new Error('every server has a tool that reads')

  it(`${verifies('P16')} clients that send or read slowly delay neither other clients nor a stop`, async () => {
    const token = await world.token(scopesOf(subject).join(' '))
    const { server } = await world.serve()
    const slow = await SlowClients.open(server.port, token, UNREAD_REPLIES)
    expect(outputOf(messageOf(await server.call(token, read.name, world.valid(read))))).toBeDefined()
    expect(slow.connected).toHaveLength(SlowClients.COUNT)
    expect(await server.kill('SIGTERM')).toBe(0)
    // A client notices the end of its connection only while it reads.
    slow.startReading()
    await expect.poll(() => slow.connected, { timeout: 5_000 }).toEqual([])
    slow.close()
  })
}
