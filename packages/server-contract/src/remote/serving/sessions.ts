import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'
import { HostileBackend } from '../../hostile-backend.ts'
import { outputOf } from '../../human.ts'
import { errorCodeOf } from '../../running-server.ts'
import { reachingTools, writeTools } from '../../subject.ts'
import { isQuestion, isReply, LegacySession } from '../legacy-session.ts'
import { messageOf } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

/** The maximum number of sessions of one person. `pnpm soak sessions` tests the maximum of all callers, 1,000. */
const SESSIONS_OF_ONE = 32

/** Sessions of the legacy era. */
export function describeSessions(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  const [read] = subject.tools.filter(({ effect }) => effect === 'read')
  const [write] = writeTools(subject)
  if (!read) throw new Error('every server has a tool that reads')

  describe('a legacy session', () => {
    let remote: Remote
    let ada: string
    /** Tokens of other persons, or of other clients of the same person. */
    let others: readonly (readonly [string, string])[]
    beforeAll(async () => {
      remote = await world.serve()
      ada = await world.token(scope)
      others = [
        ['another person', await world.token(scope, { claims: { sub: 'grace' } })],
        ['another client of the same person', await world.token(scope, { claims: { client_id: 'other-client' } })],
        ['another person with another client', await world.token(scope, { claims: { sub: 'eve', client_id: 'x' } })],
        ['a person whose name differs in case', await world.token(scope, { claims: { sub: 'Ada' } })],
        [
          'names that are the same when joined',
          await world.token(scope, { claims: { sub: 'adacontract', client_id: '-client' } }),
        ],
      ]
    })
    afterAll(() => remote.server.kill('SIGTERM'))

    it(`${verifies('P15')} does not exist for anyone but its owner`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      for (const [who, token] of others) {
        const stolen = session.withToken(token)
        const before = remote.trail.terminals().length
        const call = await stolen.call(read.name, world.valid(read)).reply()
        expect(call.status, who).toBe(404)
        expect(errorCodeOf(messageOf(call)), who).toBe('INVALID_INPUT')
        expect(remote.trail.terminals().slice(before), who).toMatchObject([
          {
            event: 'denied',
            tool: read.name,
            caller: { kind: 'oauth', id: claimsOf(token).sub, clientId: claimsOf(token).client_id },
          },
        ])
        expect((await stolen.request('tools/list').reply()).status, who).toBe(404)
        expect((await stolen.listen().reply()).status, who).toBe(404)
        expect(
          (await stolen.send({ method: 'notifications/cancelled', params: { requestId: 1 } }).reply()).status,
        ).toBe(404)
        expect((await stolen.end()).status, who).toBe(404)
      }
      // The reply is the same as for an unknown session.
      const [[, other = ''] = []] = others
      const stolen = await session.withToken(other).request('tools/list').reply()
      const unknown = await new LegacySession(remote.server, other, crypto.randomUUID()).request('tools/list').reply()
      const shape = ({ status, text }: typeof stolen): unknown => [status, text.replace(/[0-9a-f]{32}/g, '')]
      expect(shape(stolen)).toEqual(shape(unknown))
      // The owner can still use it.
      expect(outputOf(messageOf(await session.call(read.name, world.valid(read)).reply()))).toBeDefined()
      expect((await session.end()).status).toBe(200)
    })

    it(`${verifies('P15')} needs a valid token with each request`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      const before = Math.floor(Date.now() / 1000)
      const old = await world.token(scope, { claims: { iat: before - 600, exp: before - 60 } })
      for (const token of [old, 'x', '']) {
        expect((await session.withToken(token).request('tools/list').reply()).status).toBe(401)
        expect((await session.withToken(token).listen().reply()).status).toBe(401)
        expect((await session.withToken(token).end()).status).toBe(401)
      }
      // Another token of the same person and client is accepted.
      session.token = await world.token(scope)
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await session.end()
    })

    it(`${verifies('P15')} cannot be used with an expired token, and continues with a new one`, async () => {
      const now = Math.floor(Date.now() / 1000)
      // The server allows five seconds, because clocks differ.
      const short = await world.token(scope, { claims: { iat: now - 60, exp: now - 3 } })
      const session = await LegacySession.open(remote.server, short)
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await waitFor(() => Date.now() / 1000 >= now + 2.5)
      expect((await session.request('tools/list').reply()).status).toBe(401)
      session.token = ada
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await session.end()
    })

    it(`${verifies('P15')} has the scopes of the request’s token, not of the token that opened it`, async () => {
      const none = await world.token('openid')
      const session = await LegacySession.open(remote.server, none)
      const refused = await session.call(read.name, world.valid(read)).reply()
      expect(refused.status).toBe(403)
      expect(refused.headers['www-authenticate']).toContain(read.scope)
      session.token = await world.token(read.scope)
      expect(outputOf(messageOf(await session.call(read.name, world.valid(read)).reply()))).toBeDefined()
      // The scopes of an earlier token are not kept.
      session.token = none
      expect((await session.call(read.name, world.valid(read)).reply()).status).toBe(403)
      await session.end()
    })

    it(`${verifies('P7')} has to exist: unknown, ended, malformed and missing ids are refused and recorded`, async () => {
      const ended = await LegacySession.open(remote.server, ada)
      expect((await ended.end()).status).toBe(200)
      for (const id of [
        ended.id,
        crypto.randomUUID(),
        'x',
        '../..',
        'null',
        '0',
        `${ended.id},${ended.id}`,
        ended.id.toUpperCase(),
      ]) {
        const session = new LegacySession(remote.server, ada, id)
        const before = remote.trail.terminals().length
        const call = await session.call(read.name, world.valid(read)).reply()
        expect(call.status, id).toBe(404)
        expect(remote.trail.terminals().slice(before), id).toMatchObject([{ event: 'denied', tool: read.name }])
        expect((await session.listen().reply()).status, id).toBe(404)
        expect((await session.end()).status, id).toBe(404)
        // A client cannot choose the id.
        expect((await session.request('initialize', GREETING).reply()).status, id).toBe(404)
      }
      const before = remote.trail.terminals().length
      const call = { id: 1, method: 'tools/call', params: { name: read.name, arguments: world.valid(read) } }
      expect((await remote.server.legacy(ada, undefined, call)).status).toBe(400)
      expect(remote.trail.terminals().slice(before)).toMatchObject([{ event: 'denied', tool: read.name }])
      for (const method of ['GET', 'DELETE'])
        expect((await remote.server.send(method, '/mcp', { Authorization: `Bearer ${ada}` })).status).toBe(400)
    })

    it('refuses a second initialize, and continues', async () => {
      const session = await LegacySession.open(remote.server, ada)
      const { status } = await session.request('initialize', GREETING).reply()
      expect(status).toBe(400)
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await session.end()
    })

    it('has one stream for the server’s own messages, which can be closed and opened again', async () => {
      const session = await LegacySession.open(remote.server, ada)
      const stream = session.listen()
      expect(await stream.head()).toBe(200)
      expect((await session.listen().reply()).status).toBe(409)
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await stream.abort()
      let again = session.listen()
      // The server notices the closed connection a moment later.
      for (let attempt = 0; (await again.head()) === 409 && attempt < 40; attempt += 1) {
        await new Promise(resolve => setTimeout(resolve, 25))
        again = session.listen()
      }
      expect(again.status).toBe(200)
      await session.end()
      await waitFor(() => again.ended)
      expect(again.ended).toBe(true)
    })

    it(`${verifies('P7')} that ends cancels its calls, which is recorded`, async () => {
      const [tool] = reachingTools(subject)
      if (!tool) return
      const backend = await HostileBackend.start(world.access)
      backend.behave = () => {}
      const slow = await world.serve({ [`${subject.prefix}_API_URL`]: backend.url, ...withoutConfirmation(world) })
      const session = await LegacySession.open(slow.server, ada)
      const call = session.call(tool.name, world.valid(tool))
      await backend.arrived(1)
      expect((await session.end()).status).toBe(200)
      await waitFor(() => slow.trail.terminals().length > 0)
      expect(slow.trail.terminals()).toMatchObject([
        { event: 'outcome', tool: tool.name, error: { code: 'CANCELLED' } },
      ])
      await waitFor(() => backend.arrivals[0]?.isAbandoned() === true)
      expect(backend.arrivals[0]?.isAbandoned()).toBe(true)
      await call.abort()
      expect(await slow.server.kill('SIGTERM')).toBe(0)
      await backend.close()
    })

    it(`${verifies('P15')} that is idle for longest ends when its owner opens too many`, async () => {
      const theirs = await LegacySession.open(remote.server, await world.token(scope, { claims: { sub: 'ida' } }))
      const token = await world.token(scope, { claims: { sub: 'max' } })
      const first = await LegacySession.open(remote.server, token)
      const busy = await LegacySession.open(remote.server, token)
      const stream = busy.listen()
      expect(await stream.head()).toBe(200)
      for (let count = 2; count < SESSIONS_OF_ONE; count += 1) await LegacySession.open(remote.server, token)
      expect((await first.request('tools/list').reply()).status).toBe(200)
      // Neither the first session, which was just used, nor the one with an open stream, nor that of another person.
      const [next, afterNext] = [
        await LegacySession.open(remote.server, token),
        await LegacySession.open(remote.server, token),
      ]
      for (const session of [theirs, first, busy, next, afterNext])
        expect((await session.request('tools/list').reply()).status).toBe(200)
      await stream.abort()
      await theirs.end()
    })

    it(`${verifies('P15')} is not opened while all sessions of the person are in use`, async () => {
      const token = await world.token(scope, { claims: { sub: 'lea' } })
      const sessions: LegacySession[] = []
      for (let count = 0; count < SESSIONS_OF_ONE; count += 1)
        sessions.push(await LegacySession.open(remote.server, token))
      const streams = sessions.map(session => session.listen())
      for (const stream of streams) expect(await stream.head()).toBe(200)
      const refused = await remote.server.legacy(token, undefined, { id: 0, method: 'initialize', params: GREETING })
      expect(refused.status).toBe(429)
      expect(refused.headers['mcp-session-id']).toBeUndefined()
      for (const stream of streams) expect(stream.ended).toBe(false)
      await Promise.all(streams.map(stream => stream.abort()))
      // When they are idle again, one of them makes room.
      await expect
        .poll(
          async () =>
            (await remote.server.legacy(token, undefined, { id: 0, method: 'initialize', params: GREETING })).status,
        )
        .toBe(200)
    })

    it(`${verifies('P15')} counts for its person, whichever client opened it`, async () => {
      const own = await world.serve()
      const another = await LegacySession.open(own.server, ada)
      const tokenOf = (app: number) => world.token(scope, { claims: { sub: 'eve', client_id: `app-${app}` } })
      const first = await LegacySession.open(own.server, await tokenOf(0))
      for (let app = 1; app <= SESSIONS_OF_ONE; app += 1)
        expect((await greet(own, await tokenOf(app))).status).toBe(200)
      expect((await first.request('tools/list').reply()).status).toBe(404)
      expect((await another.request('tools/list').reply()).status).toBe(200)
      await own.server.kill('SIGTERM')
    })

    const greet = ({ server }: Remote, token: string) =>
      server.legacy(token, undefined, { id: 0, method: 'initialize', params: GREETING })

    if (!write) return

    it(`${verifies('P12')} accepts an answer of its owner only`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      const call = session.call(write.name, world.valid(write))
      const question = await call.message(isQuestion)
      const arrivals = await world.arrivals(async () => {
        for (const [who, token] of others) {
          expect((await session.withToken(token).answer(question).reply()).status, who).toBe(404)
          // Neither is an answer in another session accepted.
          const own = await LegacySession.open(remote.server, token)
          await own.answer(question).reply()
          await own.end()
        }
        const second = await LegacySession.open(remote.server, ada)
        await second.answer(question).reply()
        await second.end()
        expect((await remote.server.legacy(ada, undefined, { id: question.id, result: {} })).status).toBe(400)
        expect((await session.request('tools/list').reply()).status).toBe(200)
        expect(call.messages().some(isReply)).toBe(false)
      })
      expect(arrivals).toEqual([])
      expect((await session.answer(question).reply()).status).toBe(202)
      expect(outputOf(await call.message(isReply))).toBeDefined()
      await session.end()
    })

    it(`${verifies('P12')} accepts only the first answer to a question`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      const call = session.call(write.name, world.valid(write))
      const question = await call.message(isQuestion)
      const arrivals = await world.arrivals(async () => {
        await session.answer(question, { action: 'decline' }).reply()
        await Promise.all(Array.from({ length: 5 }, () => session.answer(question).reply()))
        expect(errorCodeOf(await call.message(isReply))).toBe('CONFIRMATION_DECLINED')
      })
      expect(arrivals).toEqual([])
      await session.end()
    })

    it(`${verifies('P7', 'P12')} that ends before an answer does not execute the call`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      const before = remote.trail.terminals().length
      const call = session.call(write.name, world.valid(write))
      const question = await call.message(isQuestion)
      const arrivals = await world.arrivals(async () => {
        await session.end()
        expect((await session.answer(question).reply()).status).toBe(404)
        await waitFor(() => remote.trail.terminals().length > before)
      })
      expect(arrivals).toEqual([])
      expect(remote.trail.terminals().slice(before)).toMatchObject([{ event: 'denied', tool: write.name }])
      await call.abort()
    })

    it(`${verifies('P12')} does not accept an answer in the call itself`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      const arrivals = await world.arrivals(async () => {
        for (const extra of [
          { inputResponses: { confirm: { action: 'accept', content: { confirm: true } } } },
          { requestState: 'x', inputResponses: { confirm: { action: 'accept', content: { confirm: true } } } },
        ]) {
          const call = session.request('tools/call', { name: write.name, arguments: world.valid(write), ...extra })
          const first = await call.message(message => isReply(message) || isQuestion(message))
          if (isQuestion(first)) await session.answer(first, { action: 'decline' }).reply()
          expect(outputOf(await call.message(isReply))).toBeUndefined()
        }
      })
      expect(arrivals).toEqual([])
      await session.end()
    })
  })
}

const GREETING = {
  protocolVersion: '2025-06-18',
  capabilities: { elicitation: {} },
  clientInfo: { name: 'contract', version: '1.0.0' },
}

/** The settings under which calls need no confirmation. */
export function withoutConfirmation({ subject }: RemoteWorld): Readonly<Record<string, string>> {
  return subject.confirmationOff ?? {}
}

function claimsOf(token: string): { sub: string; client_id: string } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    sub: string
    client_id: string
  }
}
