import { LegacySession } from '../src/remote/legacy-session.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../src/remote/remote-world.ts'
import { withRemoteWorld } from './remote-world.ts'
import { ticketHandler } from './ticket-handler.ts'

const SESSIONS_OF_ONE = 32
const SESSIONS_OF_ALL = 1_000
const ROUNDS = 3

/** A server keeps 1,000 sessions. For one more, a session of the person with the most ends. */
export function proveSessions(): AsyncGenerator<string> {
  return withRemoteWorld(async function* (world) {
    const remote = await world.serve()
    for (let round = 1; round <= ROUNDS; round += 1) {
      const first = await openFor(world, remote, `first-${round}`)
      const sessions = [first]
      for (let person = 0; sessions.length < SESSIONS_OF_ALL; person += 1) {
        const count = Math.min(SESSIONS_OF_ONE, SESSIONS_OF_ALL - sessions.length)
        const sub = `person-${round}-${person}`
        sessions.push(...(await Promise.all(Array.from({ length: count }, () => openFor(world, remote, sub)))))
      }
      const late = await openFor(world, remote, `late-${round}`)
      for (const [name, session] of Object.entries({ first, late })) {
        const status = await statusOf(session)
        if (status !== 200) throw new Error(`the ${name} session received ${status} in round ${round}`)
      }
      let ended = 0
      for (const session of sessions) if ((await statusOf(session)) === 404) ended += 1
      if (ended !== 1) throw new Error(`${ended} sessions have ended for one more, not 1`)
      yield `round ${round}: ${sessions.length} sessions are open; for one more, one session of the person with the most ends`
      await Promise.all([...sessions, late].map(session => session.end()))
    }
  })
}

async function statusOf(session: LegacySession): Promise<number> {
  return (await session.request('tools/list').reply()).status
}

async function openFor(world: RemoteWorld, { server }: Remote, sub: string): Promise<LegacySession> {
  const token = await world.token(scopesOf(ticketHandler).join(' '), { claims: { sub } })
  const session = await LegacySession.open(server, token)
  if (session.id === 'undefined') throw new Error(`${sub} got no session`)
  return session
}
