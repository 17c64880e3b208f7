import { describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'
import { errorCodeOf } from '../../running-server.ts'
import { writeTools } from '../../subject.ts'
import { isQuestion, LegacySession } from '../legacy-session.ts'
import { messageOf } from '../remote-server.ts'
import { type RemoteWorld, scopesOf } from '../remote-world.ts'

/** The maximum number of open calls of one caller. */
const OPEN_CALLS = 64

/** The limits of one caller, and the callers of a server without OAuth. */
export function describeCallerLimits(world: RemoteWorld): void {
  const { subject } = world
  const [write] = writeTools(subject)
  const withoutOAuth = { OAUTH_ISSUER: '', MCP_PUBLIC_URL: '' }

  describe('a server without OAuth', () => {
    it(`${verifies('P15', 'P7')} refuses requests that a proxy has forwarded`, async () => {
      const { server, trail } = await world.serve(withoutOAuth)
      expect((await server.modern(undefined, 'tools/list')).status).toBe(200)
      for (const name of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'X-Forwarded-Host', 'X-Forwarded-Proto']) {
        const before = trail.records().length
        const reply = await server.modern(undefined, 'tools/list', {}, { [name]: '192.0.2.1' })
        expect([reply.status, errorCodeOf(messageOf(reply))], name).toEqual([403, 'FORBIDDEN'])
        expect(trail.records().slice(before), name).toMatchObject([{ event: 'denied' }])
      }
      await server.kill('SIGTERM')
    })

    it.each([
      ['MCP_ALLOWED_HOSTS', 'localhost, mcp.example.com'],
      ['MCP_ALLOWED_ORIGINS', 'https://app.example.com'],
    ])(`${verifies('P15')} does not start with %s, which is for callers from other machines`, async (name, value) => {
      await expect(world.serve({ ...withoutOAuth, [name]: value })).rejects.toThrow(`${name} names others`)
    })
  })

  if (!write) return

  describe('the open calls of one caller', () => {
    it(`${verifies('P16')} are limited over all clients of the person, and do not limit other callers`, async () => {
      const { server } = await world.serve()
      const scope = scopesOf(subject).join(' ')
      const openSession = async (sub: string, client_id: string): Promise<LegacySession> =>
        await LegacySession.open(server, await world.token(scope, { claims: { sub, client_id } }))
      const sessions = await Promise.all(['one', 'two', 'three', 'four'].map(name => openSession('mallory', name)))
      const calls = sessions.flatMap(session =>
        Array.from({ length: OPEN_CALLS / sessions.length }, () => session.call(write.name, world.valid(write))),
      )
      for (const call of calls) await call.message(isQuestion)
      for (const session of [...sessions, await openSession('mallory', 'five')]) {
        const refused = await session.call(write.name, world.valid(write)).reply()
        expect([refused.status, errorCodeOf(messageOf(refused))]).toEqual([429, 'RATE_LIMITED'])
        expect(refused.headers['retry-after']).toBeDefined()
      }
      const other = await LegacySession.open(server, await world.token(scope, { claims: { sub: 'ann' } }))
      const theirs = other.call(write.name, world.valid(write))
      await theirs.message(isQuestion)
      await theirs.abort()
      await Promise.all(calls.map(call => call.abort()))
      await server.kill('SIGTERM')
    })

    it(`${verifies('P7', 'P16')} do not include cancelled calls, whose streams end`, async () => {
      const { server, trail } = await world.serve()
      const session = await LegacySession.open(server, await world.token(scopesOf(subject).join(' ')))
      for (let id = 1; id <= OPEN_CALLS + 1; id += 1) {
        const params = { name: write.name, arguments: world.valid(write) }
        const call = session.send({ id, method: 'tools/call', params })
        await call.message(isQuestion)
        await session.send({ method: 'notifications/cancelled', params: { requestId: id } }).reply()
        await waitFor(() => call.ended)
      }
      const ends = trail.records().filter(({ event }) => event === 'denied')
      expect(ends).toHaveLength(OPEN_CALLS + 1)
      expect(new Set(ends.map(({ error }) => error?.code))).toEqual(new Set(['CANCELLED']))
      await server.kill('SIGTERM')
    })
  })
}
