import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { YES } from '../clients.ts'
import { HostileBackend, sendJson } from '../hostile-backend.ts'
import { outputOf } from '../human.ts'
import { errorCodeOf, type Message } from '../running-server.ts'
import { reachingTools, type ServerSubject, writeTools } from '../subject.ts'
import { challengeOf, expectSignIn, METADATA_URL } from './challenge.ts'
import { ask } from './confirmed-call.ts'
import { type Effects, effectsOf } from './effects.ts'
import { LegacySession } from './legacy-session.ts'
import { AMBIGUOUS, MALFORMED_REQUESTS } from './malformed-requests.ts'
import { modernHeaders, modernMessage } from './modern-message.ts'
import { OpenRequest } from './open-request.ts'
import { asModern, type Headers, messageOf, RemoteServer, type Reply } from './remote-server.ts'
import { PUBLIC_URL, type Remote, RemoteWorld, scopesOf } from './remote-world.ts'
import { describeRemoteInvariants } from './sections/invariants.ts'
import { describeClients } from './serving/clients.ts'
import { TokenIssuer } from './token-issuer.ts'
import { BAD_CLAIMS } from './tokens/bad-claims.ts'
import type { BadToken } from './tokens/bad-token.ts'
import { FORGED } from './tokens/forged.ts'
import { MALFORMED } from './tokens/malformed.ts'
import { MISPLACED } from './tokens/misplaced.ts'
import { newEncryptionKey, TokenForger } from './tokens/token-forger.ts'

/** One bad token of each kind. `sections/tokens.ts` has more than 200. */
const BAD_TOKENS: readonly BadToken[] = [
  pick(BAD_CLAIMS, 'an expiry in the past'),
  pick(BAD_CLAIMS, 'another issuer'),
  pick(BAD_CLAIMS, 'another audience'),
  pick(BAD_CLAIMS, 'no scope'),
  pick(FORGED, 'the algorithm "none" and no signature'),
  pick(FORGED, 'the public key as a secret: HS256, pem'),
  pick(FORGED, 'a subject that was changed after the signature'),
  pick(FORGED, 'a key of the attacker with the id of our key'),
  pick(MALFORMED, 'the type "JWT"'),
  pick(MALFORMED, 'more characters than the limit'),
]

const MALFORMED_NAMES = ['a body that is not JSON', 'an unknown tool name', 'an unknown argument', 'another Mcp-Method']

/**
 * A short form of {@link describeRemoteContract} and {@link describeRemoteServing}, which run for one server. All servers
 * have the same copy of `remote/`, whose unit tests are in `packages/server-kit`. This form shows that the built file of
 * another server has it, with its own tools, scopes and settings.
 */
export function describeRemoteBriefly(subject: ServerSubject): void {
  const world = new RemoteWorld(subject)
  const scope = scopesOf(subject).join(' ')
  const [tool] = reachingTools(subject)
  const [read] = subject.tools.filter(({ effect }) => effect === 'read')
  if (!tool || !read) throw new Error('every server has a tool that reads, and one that requests its backend')

  describe(`${subject.name} over HTTP`, () => {
    let remote: Remote
    let token: string
    beforeAll(async () => {
      if (!existsSync(subject.entry)) throw new Error(`${subject.entry} is not built: run pnpm build`)
      await world.open()
      remote = await world.serve(subject.confirmationOff)
      token = await world.token(scope)
    })
    afterAll(() => world.close())

    const callHeaders = (): { headers: Headers; body: string } => {
      const { headers, body } = asModern('tools/call', { name: tool.name, arguments: world.valid(tool) })
      return { headers: { Host: 'mcp.example.com', ...headers, Authorization: `Bearer ${token}` }, body }
    }
    /** Sends a call that is valid except for the given headers. */
    const send = async (changes: Headers, path = '/mcp'): Promise<Reply> => {
      const { headers, body } = callHeaders()
      return await remote.server.send('POST', path, { ...headers, ...changes }, body)
    }
    const expectDenied = ({ records, arrivals }: Effects, code: string, caller: Message = {}): void => {
      expect(records).toMatchObject([{ event: 'denied', error: { code }, caller: { kind: 'oauth', ...caller } }])
      expect(arrivals).toEqual([])
    }

    // sections/tokens.ts
    describe('a token', () => {
      let forger: TokenForger
      const attacker = new TokenIssuer()
      beforeAll(async () => {
        await attacker.open()
        forger = new TokenForger(world.issuer, attacker, await newEncryptionKey(), scope)
      })
      afterAll(() => attacker.close())

      it.each(subject.tools)(
        `${verifies('P7', 'P15')} is accepted, and its subject and client are recorded: $name`,
        async ({ name, scope: needed, ...rest }) => {
          const own = await world.token(needed)
          const args = world.valid({ name, scope: needed, ...rest })
          const { reply, records } = await effectsOf(world, remote, () => remote.server.call(own, name, args))
          expect(outputOf(messageOf(reply)), reply.text).toBeDefined()
          expect(records.map(({ event }) => event)).toEqual(['intent', 'outcome'])
          for (const record of records)
            expect(record).toMatchObject({ tool: name, caller: { id: 'ada', clientId: 'contract-client' } })
        },
      )

      it.each(BAD_TOKENS)(`${verifies('P7', 'P15')} is refused if it has a fault: %s`, async (_, make) => {
        const bad = await make(forger)
        world.tokens.push(bad)
        const effects = await effectsOf(world, remote, () => send({ Authorization: `Bearer ${bad}` }))
        expectSignIn(effects.reply, subject, { hasToken: true, isModern: true })
        expectDenied(effects, 'FORBIDDEN', { id: '' })
      })

      it(`${verifies('P7', 'P15')} is refused in the query, and required in the header`, async () => {
        const { path, headers = {} } = MISPLACED['the token in the query']?.(token, token) ?? {}
        const inQuery = await effectsOf(world, remote, () => send({ Authorization: undefined, ...headers }, path))
        expectSignIn(inQuery.reply, subject, { hasToken: true, isModern: true })
        expectDenied(inQuery, 'FORBIDDEN', { id: '' })
        const missing = await effectsOf(world, remote, () => send({ Authorization: undefined }))
        expectSignIn(missing.reply, subject, { hasToken: false, isModern: true })
        expectDenied(missing, 'FORBIDDEN', { id: '' })
        expect(attacker.requests).toEqual([])
      })

      // sections/scopes.ts
      it.each(subject.tools)(`${verifies('P7', 'P15')} without the scope is refused: $name`, async tool => {
        const own = await world.token('openid')
        const effects = await effectsOf(world, remote, () => remote.server.call(own, tool.name, world.valid(tool)))
        expect(effects.reply.status).toBe(403)
        expect(challengeOf(effects.reply)).toEqual({
          error: 'insufficient_scope',
          error_description: expect.any(String),
          scope: tool.scope,
          resource_metadata: METADATA_URL,
        })
        expectDenied(effects, 'FORBIDDEN', { id: 'ada' })
      })
    })

    describe('a request', () => {
      // sections/host-and-origin.ts
      it(`${verifies('P7', 'P15')} with another Host or Origin is refused`, async () => {
        for (const changes of [{ Host: 'evil.example' }, { Origin: 'https://evil.example' }]) {
          const effects = await effectsOf(world, remote, () => send(changes))
          expect(effects.reply.status, effects.reply.text).toBe(403)
          expect(errorCodeOf(messageOf(effects.reply))).toBe('FORBIDDEN')
          expectDenied(effects, 'FORBIDDEN', { id: '' })
        }
        expect((await send({ Origin: new URL(PUBLIC_URL).origin })).status).toBe(200)
      })

      // sections/wire.ts
      it.each(MALFORMED_NAMES)(`${verifies('P2', 'P7')} with %s is refused`, async name => {
        const { headers, body } = callHeaders()
        const change = MALFORMED_REQUESTS[name]?.({ headers: headers as Record<string, string>, body })
        const effects = await effectsOf(world, remote, () =>
          remote.server.send('POST', '/mcp', { ...headers, ...change?.headers }, change?.body ?? body),
        )
        expect(errorCodeOf(messageOf(effects.reply)), effects.reply.text).toBe('INVALID_INPUT')
        expectDenied(effects, 'INVALID_INPUT', { id: 'ada' })
      })

      it(`${verifies('P7', 'P15')} that is ambiguous, too long or for another path is refused`, async () => {
        const { headers, body } = callHeaders()
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
        const arrivals = await world.arrivals(async () => {
          const [[, ambiguous = [], rest = ''] = []] = AMBIGUOUS
          const bytes = ['POST /mcp HTTP/1.1', ...lines, ...ambiguous, '', rest].join('\r\n')
          expect((await remote.server.raw(bytes, 2_000)).status).toBe(400)
          const long = await remote.server.send('POST', '/mcp', headers, body + ' '.repeat(128 * 1024))
          expect([long.status, errorCodeOf(messageOf(long))]).toEqual([413, 'INVALID_INPUT'])
          expect((await remote.server.send('POST', '/', headers, body)).status).toBe(404)
        })
        expect(arrivals).toEqual([])
      })

      // sections/discovery.ts
      it(`${verifies('P15')} for the metadata is answered, without a token`, async () => {
        const { resource_metadata: where = '' } = challengeOf(await send({ Authorization: undefined }))
        expect(where).toBe(METADATA_URL)
        const reply = await remote.server.send('GET', new URL(where).pathname)
        expect(reply.status).toBe(200)
        expect(JSON.parse(reply.text)).toEqual({
          resource: PUBLIC_URL,
          authorization_servers: [world.issuer.url],
          scopes_supported: expect.arrayContaining(scopesOf(subject)),
          bearer_methods_supported: ['header'],
          resource_name: subject.name,
        })
        expect(JSON.parse(reply.text).scopes_supported).toHaveLength(scopesOf(subject).length)
      })
    })

    // serving/sessions.ts
    it(`${verifies('P7', 'P15')} a legacy session exists for its owner only, and needs a token with each request`, async () => {
      const session = await LegacySession.open(remote.server, token)
      const grace = await world.token(scope, { claims: { sub: 'grace' } })
      const stolen = await effectsOf(world, remote, () =>
        session.withToken(grace).call(read.name, world.valid(read)).reply(),
      )
      expect(stolen.reply.status).toBe(404)
      expectDenied(stolen, 'INVALID_INPUT', { id: 'grace' })
      expect((await session.withToken('x').request('tools/list').reply()).status).toBe(401)
      expect(outputOf(messageOf(await session.call(read.name, world.valid(read)).reply()))).toBeDefined()
      expect((await session.end()).status).toBe(200)
      expect((await session.request('tools/list').reply()).status).toBe(404)
    })

    describeClients(world)
    describeAnswerBriefly(world)

    // sections/issuer.ts, serving/health.ts and serving/stopping.ts
    describe('a server with its own issuer and backend', () => {
      const issuer = new TokenIssuer()
      let backend: HostileBackend
      let own: Remote
      let ownToken: string
      beforeAll(async () => {
        await issuer.open()
        backend = await HostileBackend.start(world.access)
        own = await world.serve({
          ...subject.confirmationOff,
          [`${subject.prefix}_API_URL`]: backend.url,
          OAUTH_ISSUER: issuer.url,
        })
        ownToken = await issuer.token(PUBLIC_URL, scope)
        world.tokens.push(ownToken)
      })
      afterAll(() => Promise.all([backend.close(), issuer.close()]))
      const readiness = async (): Promise<[number, unknown]> => {
        const { status, text } = await own.server.send('GET', '/readyz')
        return [status, JSON.parse(text)]
      }
      const checks = { backend: 'ok', audit: 'ok', issuer: 'ok' }

      it(`${verifies('P7', 'P15', 'P16')} replies with 503 while the issuer fails, and recovers`, async () => {
        issuer.fault = 'refuses'
        const args = world.valid(tool)
        const effects = await effectsOf(world, own, () => own.server.call(ownToken, tool.name, args))
        expect(effects.reply.status).toBe(503)
        expect(Number(effects.reply.headers['retry-after'])).toBeGreaterThan(0)
        expect(effects.reply.text).not.toContain(issuer.url)
        expectDenied(effects, 'BACKEND_UNAVAILABLE', { id: '' })
        expect(await readiness()).toEqual([503, { ready: false, checks: { ...checks, issuer: 'failed' } }])
        issuer.fault = undefined
        const status = async (): Promise<number> => (await own.server.modern(ownToken, 'tools/list')).status
        await expect.poll(status, { timeout: 15_000, interval: 100 }).toBe(200)
      })

      it(`${verifies('P5', 'P16')} is alive and ready, and is not ready without its backend`, async () => {
        const alive = { status: 200, text: '{"alive":true}' }
        expect(await own.server.send('GET', '/healthz')).toMatchObject(alive)
        // The result is cached for two seconds.
        const ready = [200, { ready: true, checks }]
        await expect.poll(readiness, { timeout: 15_000, interval: 100 }).toEqual(ready)
        backend.behave = response => sendJson(response, 401, '{"hint":"the secret is wrong"}')
        const notReady = [503, { ready: false, checks: { ...checks, backend: 'failed' } }]
        await expect.poll(readiness, { timeout: 15_000, interval: 100 }).toEqual(notReady)
        expect(await own.server.send('GET', '/healthz')).toMatchObject(alive)
        backend.recover()
      })

      it(`${verifies('P7')} completes a call in flight on SIGTERM, refuses new ones, and exits with 0`, async () => {
        const release = backend.hold()
        const before = backend.arrivals.length
        const params = { name: tool.name, arguments: world.valid(tool) }
        const request = {
          port: own.server.port,
          method: 'POST',
          headers: modernHeaders(ownToken, 'tools/call', params),
          body: JSON.stringify(modernMessage('tools/call', params)),
        }
        const call = new OpenRequest(request)
        await backend.arrived(before + 1)
        own.server.child.kill('SIGTERM')
        await expect.poll(() => own.server.stderr, { timeout: 10_000 }).toContain('stopping')
        expect((await new OpenRequest(request).reply()).status).toBe(503)
        release()
        expect(outputOf(messageOf(await call.reply()))).toBeDefined()
        expect(await own.server.exited).toBe(0)
        const events = own.trail.records().map(({ event }) => event)
        expect(events.slice(-4)).toEqual(['intent', 'denied', 'outcome', 'stop'])
      })
    })

    // sections/start-up.ts
    it(`${verifies('P7', 'P15')} does not start without OAuth at a public address, without settings, or with malformed ones`, async () => {
      const withoutOAuth = { OAUTH_ISSUER: '', MCP_PUBLIC_URL: '' }
      const expectRefusal = async (env: Record<string, string>, named: readonly string[], host = '127.0.0.1') => {
        const server = new RemoteServer(subject.entry, world.remoteEnv(env), ['--port', '0', '--host', host])
        world.remotes.push(server)
        expect(await server.exited).toBe(2)
        expect(server.stdout).toBe('')
        for (const name of named) expect(server.stderr).toContain(name)
        expect(server.stderr).not.toMatch(/\n\s+at |node:internal/)
      }
      await Promise.all([
        expectRefusal(withoutOAuth, ['OAUTH_ISSUER', 'MCP_PUBLIC_URL', '0.0.0.0'], '0.0.0.0'),
        expectRefusal({ AUDIT_FILE: '', AUDIT_KEY: '' }, ['AUDIT_FILE', 'AUDIT_KEY']),
        expectRefusal({ OAUTH_ISSUER: 'http://idp.example.com', MCP_ALLOWED_HOSTS: '*' }, [
          'OAUTH_ISSUER',
          'MCP_ALLOWED_HOSTS',
        ]),
      ])
    })

    // Last, because it checks what all other tests have left behind.
    describeRemoteInvariants(world, 3)
  })
}

/** Answers to confirmation requests. `serving/answers.ts` has the other tests. */
function describeAnswerBriefly(world: RemoteWorld): void {
  const { subject } = world
  const tools = writeTools(subject)
  if (tools.length === 0) return
  const scope = scopesOf(subject).join(' ')

  describe('an answer to a confirmation request', () => {
    let remote: Remote
    let token: string
    beforeAll(async () => {
      remote = await world.serve()
      token = await world.token(scope)
    })
    const refused = async (sender: string, tool: string, args: unknown, answer: Message): Promise<void> => {
      const effects = await effectsOf(world, remote, () => remote.server.call(sender, tool, args, answer))
      expect(errorCodeOf(messageOf(effects.reply)), effects.reply.text).toBe('CONFIRMATION_INVALID')
      expect(effects.records).toMatchObject([{ event: 'denied', tool }])
      expect(effects.arrivals).toEqual([])
    }

    it.each(tools)(`${verifies('P7', 'P12')} is accepted once, of the person that was asked: $name`, async tool => {
      const args = world.valid(tool)
      const answer = (await ask(remote.server, token, tool.name, args)).reply(YES)
      await refused(await world.token(scope, { claims: { sub: 'grace' } }), tool.name, args, answer)
      const reply = messageOf(await remote.server.call(token, tool.name, args, answer))
      expect(outputOf(reply), JSON.stringify(reply)).toBeDefined()
      await refused(token, tool.name, args, answer)
    })

    const published = tools.filter(({ fields }) => Object.values(fields).some(({ kind }) => kind === 'filename'))
    it.each(published)(`${verifies('P3', 'P12')} is not accepted after the content has changed: $name`, async tool => {
      const args = world.valid(tool)
      const answer = (await ask(remote.server, token, tool.name, args)).reply(YES)
      writeFileSync(join(world.own, String(args.filename)), '# Another text\n\nThat nobody was shown.\n')
      await refused(token, tool.name, args, answer)
    })
  })
}

/** @throws if there is no such token */
function pick(tokens: readonly BadToken[], title: string): BadToken {
  const found = tokens.find(([fault]) => fault === title)
  if (!found) throw new Error(`there is no bad token with ${title}`)
  return found
}
