import { setTimeout as pause } from 'node:timers/promises'
import { scopesOf } from '../src/remote/remote-world.ts'
import { SlowClients } from '../src/remote/slow-clients.ts'
import { withRemoteWorld } from './remote-world.ts'
import { ticketHandler } from './ticket-handler.ts'

/** The server drops a slow client after thirty seconds. The rest is for a busy machine. */
const DROPPED_MS = 36_000
const CLOSED_MS = 5_000
const UNREAD_REPLIES = 8_000

/** A client that sends or reads too slowly is dropped, and other clients are served meanwhile. */
export function proveSlowClients(): AsyncGenerator<string> {
  return withRemoteWorld(async function* (world) {
    const token = await world.token(scopesOf(ticketHandler).join(' '))
    const { server } = await world.serve()
    const slow = await SlowClients.open(server.port, token, UNREAD_REPLIES)
    try {
      const { status } = await server.modern(token, 'tools/list')
      if (status !== 200) throw new Error(`another client received ${status}`)
      yield `another client is served while six clients are slow (${slow.connected.join(', ')})`
      await pause(DROPPED_MS)
      const connected = slow.connected.filter(name => name !== 'does not read')
      if (connected.length > 0) throw new Error(`not dropped after ${DROPPED_MS} ms: ${connected.join(', ')}`)
      // A client notices the end of its connection only while it reads.
      const replies = slow.startReading()
      await pause(CLOSED_MS)
      if (slow.connected.length > 0) throw new Error('the client that does not read was not dropped')
      if (replies() >= UNREAD_REPLIES) throw new Error('the client that does not read received every reply')
      yield `after ${DROPPED_MS / 1000} seconds all slow clients are dropped`
    } finally {
      slow.close()
    }
  })
}
