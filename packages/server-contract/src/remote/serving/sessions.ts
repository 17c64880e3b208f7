import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'
import { HostileBackend } from '../../hostile-backend.ts'
import { outputOf } from '../../human.ts'
import { errorCodeOf } from '../../running-server.ts'
import { reachingTools, writeTools } from '../../subject.ts'
import { isQuestion, isReply, LegacySession } from '../legacy-session.ts'
import { messageOf } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

/** How many sessions one caller may have, and all together; what more there is must make room or wait. */
const OF_ONE_CALLER = 32
const OF_ALL = 1_000

/** The earlier era: what is kept between requests belongs to one caller, and ends. */
export function describeSessions(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  const [read] = subject.tools.filter(({ effect }) => effect === 'read')
  const [write] = writeTools(subject)
  if (!read) throw new Error('every server has a tool that reads')

  describe('a session of the earlier era', () => {
    let remote: Remote
    let ada: string
    /** Everybody who is not ada with her program. */
    let others: readonly (readonly [string, string])[]
    beforeAll(async () => {
      remote = await world.serve()
      ada = await world.token(scope)
      others = [
        ['another person', await world.token(scope, { claims: { sub: 'grace' } })],
        ['another program of hers', await world.token(scope, { claims: { client_id: 'other-client' } })],
        ['another person with another program', await world.token(scope, { claims: { sub: 'eve', client_id: 'x' } })],
        ['one whose names only look like hers', await world.token(scope, { claims: { sub: 'Ada' } })],
        [
          'names that join to the same',
          await world.token(scope, { claims: { sub: 'adacontract', client_id: '-client' } }),
        ],
      ]
    })
    afterAll(() => remote.server.kill('SIGTERM'))

    it(`${verifies('P15')} is its owner’s alone: to everybody else there is none`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      for (const [who, token] of others) {
        const stolen = session.stolenBy(token)
        const before = remote.trail.terminals().length
        const call = await stolen.call(read.name, world.valid(read)).reply()
        expect(call.status, who).toBe(404)
        expect(errorCodeOf(messageOf(call)), who).toBe('INVALID_INPUT')
        expect(remote.trail.terminals().slice(before), who).toMatchObject([
          {
            event: 'denied',
            tool: read.name,
            caller: { kind: 'oauth', id: sayWho(token).sub, clientId: sayWho(token).client_id },
          },
        ])
        expect((await stolen.request('tools/list').reply()).status, who).toBe(404)
        expect((await stolen.listen().reply()).status, who).toBe(404)
        expect(
          (await stolen.send({ method: 'notifications/cancelled', params: { requestId: 1 } }).reply()).status,
        ).toBe(404)
        expect((await stolen.end()).status, who).toBe(404)
      }
      // A session that is not there looks the same from outside.
      const [[, stranger = ''] = []] = others
      const theirs = await session.stolenBy(stranger).request('tools/list').reply()
      const nobodys = await new LegacySession(remote.server, stranger, crypto.randomUUID())
        .request('tools/list')
        .reply()
      const shape = ({ status, text }: typeof theirs): unknown => [status, text.replace(/[0-9a-f]{32}/g, '')]
      expect(shape(theirs)).toEqual(shape(nobodys))
      // And it is still there.
      expect(outputOf(messageOf(await session.call(read.name, world.valid(read)).reply()))).toBeDefined()
      expect((await session.end()).status).toBe(200)
    })

    it(`${verifies('P15')} is no way in without a good token of each request’s own`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      const before = Math.floor(Date.now() / 1000)
      const old = await world.token(scope, { claims: { iat: before - 600, exp: before - 60 } })
      for (const token of [old, 'x', '']) {
        expect((await session.stolenBy(token).request('tools/list').reply()).status).toBe(401)
        expect((await session.stolenBy(token).listen().reply()).status).toBe(401)
        expect((await session.stolenBy(token).end()).status).toBe(401)
      }
      // Another token of the same person and program is as good.
      session.token = await world.token(scope)
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await session.end()
    })

    it(`${verifies('P15')} ends when its owner’s token does, and goes on with a new one`, async () => {
      const now = Math.floor(Date.now() / 1000)
      // Five seconds are forgiven, for clocks that differ.
      const short = await world.token(scope, { claims: { iat: now - 60, exp: now - 3 } })
      const session = await LegacySession.open(remote.server, short)
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await waitFor(() => Date.now() / 1000 >= now + 2.5)
      expect((await session.request('tools/list').reply()).status).toBe(401)
      session.token = ada
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await session.end()
    })

    it(`${verifies('P15')} has the scopes of the request’s token, not of the one that it began with`, async () => {
      const none = await world.token('openid')
      const session = await LegacySession.open(remote.server, none)
      const refused = await session.call(read.name, world.valid(read)).reply()
      expect(refused.status).toBe(403)
      expect(refused.headers['www-authenticate']).toContain(read.scope)
      session.token = await world.token(read.scope)
      expect(outputOf(messageOf(await session.call(read.name, world.valid(read)).reply()))).toBeDefined()
      // And what was stepped up to is not kept.
      session.token = none
      expect((await session.call(read.name, world.valid(read)).reply()).status).toBe(403)
      await session.end()
    })

    it(`${verifies('P7')} has to be there: unknown, ended, malformed and missing ids are refused and recorded`, async () => {
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
        // Not even by a greeting does an id come to be that the server did not choose.
        expect((await session.request('initialize', GREETING).reply()).status, id).toBe(404)
      }
      const before = remote.trail.terminals().length
      const call = { id: 1, method: 'tools/call', params: { name: read.name, arguments: world.valid(read) } }
      expect((await remote.server.legacy(ada, undefined, call)).status).toBe(400)
      expect(remote.trail.terminals().slice(before)).toMatchObject([{ event: 'denied', tool: read.name }])
      for (const method of ['GET', 'DELETE'])
        expect((await remote.server.send(method, '/mcp', { Authorization: `Bearer ${ada}` })).status).toBe(400)
    })

    it('is begun once: a second greeting in it is refused and changes nothing', async () => {
      const session = await LegacySession.open(remote.server, ada)
      const { status } = await session.request('initialize', GREETING).reply()
      expect(status).toBe(400)
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await session.end()
    })

    it('has one stream that the server can send on, which may be let go of and opened again', async () => {
      const session = await LegacySession.open(remote.server, ada)
      const stream = session.listen()
      expect(await stream.head()).toBe(200)
      expect((await session.listen().reply()).status).toBe(409)
      expect((await session.request('tools/list').reply()).status).toBe(200)
      await stream.abort()
      let again = session.listen()
      // The server learns of it a moment later.
      for (let attempt = 0; (await again.head()) === 409 && attempt < 40; attempt += 1) {
        await new Promise(resolve => setTimeout(resolve, 25))
        again = session.listen()
      }
      expect(again.status).toBe(200)
      await session.end()
      await waitFor(() => again.ended)
      expect(again.ended).toBe(true)
    })

    it(`${verifies('P7')} that ends takes its calls with it, on record`, async () => {
      const [tool] = reachingTools(subject)
      if (!tool) return
      const backend = await HostileBackend.start(world.access)
      backend.behave = () => {}
      const slow = await world.serve({ [`${subject.prefix}_API_URL`]: backend.url, ...relaxed(world) })
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

    it(`${verifies('P15')} makes room for its owner’s next one when they have too many, and for nobody else’s`, async () => {
      const theirs = await LegacySession.open(remote.server, await world.token(scope, { claims: { sub: 'ida' } }))
      const token = await world.token(scope, { claims: { sub: 'max' } })
      const first = await LegacySession.open(remote.server, token)
      const busy = await LegacySession.open(remote.server, token)
      const stream = busy.listen()
      expect(await stream.head()).toBe(200)
      for (let count = 2; count < OF_ONE_CALLER; count += 1) await LegacySession.open(remote.server, token)
      expect((await first.request('tools/list').reply()).status).toBe(200)
      // The one that was idle for longest goes: not the first, which was just used, and not the one that is in use.
      const [next, afterNext] = [
        await LegacySession.open(remote.server, token),
        await LegacySession.open(remote.server, token),
      ]
      for (const session of [theirs, first, busy, next, afterNext])
        expect((await session.request('tools/list').reply()).status).toBe(200)
      await stream.abort()
      await theirs.end()
    })

    it(`${verifies('P15')} of a caller whose sessions are all in use has to wait, with no harm to those`, async () => {
      const token = await world.token(scope, { claims: { sub: 'lea' } })
      const sessions: LegacySession[] = []
      for (let count = 0; count < OF_ONE_CALLER; count += 1)
        sessions.push(await LegacySession.open(remote.server, token))
      const streams = sessions.map(session => session.listen())
      for (const stream of streams) expect(await stream.head()).toBe(200)
      const refused = await remote.server.legacy(token, undefined, { id: 0, method: 'initialize', params: GREETING })
      expect(refused.status).toBe(429)
      expect(refused.headers['mcp-session-id']).toBeUndefined()
      for (const stream of streams) expect(stream.ended).toBe(false)
      await Promise.all(streams.map(stream => stream.abort()))
      // Once they are idle again, there is room.
      await expect
        .poll(
          async () =>
            (await remote.server.legacy(token, undefined, { id: 0, method: 'initialize', params: GREETING })).status,
        )
        .toBe(200)
    })

    it(`${verifies('P15')} is one of so many; beyond that, whoever has most makes room`, async () => {
      const crowded = await world.serve()
      const mine = await LegacySession.open(crowded.server, ada)
      const people = Math.ceil(OF_ALL / OF_ONE_CALLER)
      let opened = 1
      for (let person = 0; person < people; person += 1) {
        const token = await world.token(scope, { claims: { sub: `person-${person}` } })
        const count = Math.min(OF_ONE_CALLER, OF_ALL - opened)
        const statuses = await Promise.all(
          Array.from({ length: count }, async () => (await greet(crowded, token)).status),
        )
        expect(new Set(statuses)).toEqual(new Set([200]))
        opened += count
      }
      const late = await LegacySession.open(crowded.server, await world.token(scope, { claims: { sub: 'late' } }))
      expect((await late.request('tools/list').reply()).status).toBe(200)
      expect((await mine.request('tools/list').reply()).status).toBe(200)
      await crowded.server.kill('SIGTERM')
    })

    it(`${verifies('P15')} of a person with many programs counts with all of theirs`, async () => {
      const own = await world.serve()
      const others = await LegacySession.open(own.server, ada)
      const tokenOf = (app: number) => world.token(scope, { claims: { sub: 'eve', client_id: `app-${app}` } })
      const first = await LegacySession.open(own.server, await tokenOf(0))
      for (let app = 1; app <= OF_ONE_CALLER; app += 1) expect((await greet(own, await tokenOf(app))).status).toBe(200)
      expect((await first.request('tools/list').reply()).status).toBe(404)
      expect((await others.request('tools/list').reply()).status).toBe(200)
      await own.server.kill('SIGTERM')
    })

    const greet = ({ server }: Remote, token: string) =>
      server.legacy(token, undefined, { id: 0, method: 'initialize', params: GREETING })

    if (!write) return

    it(`${verifies('P12')} has its questions answered by its owner alone`, async () => {
      const session = await LegacySession.open(remote.server, ada)
      const call = session.call(write.name, world.valid(write))
      const question = await call.message(isQuestion)
      const arrivals = await world.arrivals(async () => {
        for (const [who, token] of others) {
          expect((await session.stolenBy(token).answer(question).reply()).status, who).toBe(404)
          // Nor from a session of their own, or of hers.
          const own = await LegacySession.open(remote.server, token)
          await own.answer(question).reply()
          await own.end()
        }
        const hers = await LegacySession.open(remote.server, ada)
        await hers.answer(question).reply()
        await hers.end()
        expect((await remote.server.legacy(ada, undefined, { id: question.id, result: {} })).status).toBe(400)
        expect((await session.request('tools/list').reply()).status).toBe(200)
        expect(call.messages().some(isReply)).toBe(false)
      })
      expect(arrivals).toEqual([])
      expect((await session.answer(question).reply()).status).toBe(202)
      expect(outputOf(await call.message(isReply))).toBeDefined()
      await session.end()
    })

    it(`${verifies('P12')} has a question answered once, in the first of two words`, async () => {
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

    it(`${verifies('P7', 'P12')} that ends with a question open leaves nothing done`, async () => {
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

    it(`${verifies('P12')} takes no answer that comes with the call itself`, async () => {
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

/** Settings under which nobody is asked, so that a call goes right through. */
export function relaxed({ subject }: RemoteWorld): Record<string, string> {
  return subject.asking === undefined ? {} : { [`${subject.prefix}_CONFIRM`]: 'description' }
}

function sayWho(token: string): { sub: string; client_id: string } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    sub: string
    client_id: string
  }
}
