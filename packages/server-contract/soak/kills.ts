import { HostileBackend } from '../src/hostile-backend.ts'
import { faultsOfKill } from '../src/remote/kill-under-load.ts'
import { scopesOf } from '../src/remote/remote-world.ts'
import { mustBeEmpty, withRemoteWorld } from './remote-world.ts'
import { createTicket, getTicket, ticketHandler } from './ticket-handler.ts'

const KILLS = 40

/** A server that is killed under load has an audit record of every answered call and of every request to the backend. */
export function proveKills(): AsyncGenerator<string> {
  return withRemoteWorld(async function* (world) {
    const token = await world.token(scopesOf(ticketHandler).join(' '))
    const backend = await HostileBackend.start(world.access)
    try {
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const remote = await world.serve({ TICKET_API_URL: backend.url, TICKET_CONFIRM: 'description' })
        const tool = kill % 2 ? createTicket : getTicket
        const answers = 1 + ((kill * 37) % 150)
        mustBeEmpty(await faultsOfKill({ world, remote, backend, token, tool, answers }))
        if (kill % 10 === 0) yield `${kill} kills: every answered call and every request to the backend has its record`
      }
    } finally {
      await backend.close()
    }
  })
}
