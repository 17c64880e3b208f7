import { outputOf } from '../src/human.ts'
import { addressesIn, callAndReset, connectAndAbort } from '../src/remote/disconnecting-clients.ts'
import { isReply, LegacySession } from '../src/remote/legacy-session.ts'
import { scopesOf } from '../src/remote/remote-world.ts'
import { mustBeEmpty, withRemoteWorld } from './remote-world.ts'
import { getTicket, ticketHandler } from './ticket-handler.ts'

const BATCHES = 5
const ROUNDS = 40
const RESETS = 200

/** Clients that disconnect at any time leave nothing in use, and every call has a record with its address. */
export function proveDisconnects(): AsyncGenerator<string> {
  return withRemoteWorld(async function* (world) {
    const token = await world.token(scopesOf(ticketHandler).join(' '))
    const remote = await world.serve()
    const args = { ticketId: 'tic_4mz8wk2hqv6s' }
    for (let batch = 1; batch <= BATCHES; batch += 1) {
      const session = await LegacySession.open(remote.server, token)
      await connectAndAbort({ session, tool: getTicket.name, rounds: ROUNDS })
      if (!outputOf(await session.call(getTicket.name, args).message(isReply))) throw new Error('a later call failed')
      await session.end()
      await callAndReset({ server: remote.server, token, tool: getTicket.name, args, times: RESETS })
      yield `batch ${batch}: after ${ROUNDS * 25} aborted streams, as many aborted calls and ${RESETS} resets, a call succeeds`
    }
    const code = await remote.server.kill('SIGTERM')
    if (code !== 0) throw new Error(`the server exited with ${code}`)
    const { recorded, faults } = addressesIn(remote.trail)
    mustBeEmpty([...faults, ...(await remote.trail.verify()).findings.map(({ message }) => message)])
    yield `all ${recorded} records of calls have the address of their caller, and the audit log verifies`
  })
}
