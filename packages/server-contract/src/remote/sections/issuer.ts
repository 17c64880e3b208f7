import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCodeOf } from '../../running-server.ts'
import { messageOf, type Reply } from '../remote-server.ts'
import { PUBLIC_URL, type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { newKey, TokenIssuer } from '../token-issuer.ts'

/** The minimum time between two fetches of the keys because of an unknown key id. */
const KEY_COOLDOWN_MS = 5_000
/** The time after a failed fetch in which the server does not fetch again. */
const FAILURE_COOLDOWN_MS = 1_000
const MARGIN_MS = 150

/** A server and its own issuer. */
interface Pair {
  readonly issuer: TokenIssuer
  readonly remote: Remote
}

type Answer = ReturnType<TokenIssuer['instead']>

/** A failure of the issuer, and how it is caused. */
type Failure = readonly [title: string, (issuer: TokenIssuer, attacker: TokenIssuer) => void]

function faulty(fault: NonNullable<TokenIssuer['fault']>): Failure[1] {
  return issuer => {
    issuer.fault = fault
  }
}

function instead(answer: (path: string, own: string, other: string) => Answer): Failure[1] {
  return (issuer, attacker) => {
    issuer.instead = path => answer(path, issuer.url, attacker.url)
  }
}

function metadata(body: (own: string, other: string) => unknown): Failure[1] {
  return instead((path, own, other) => (path.startsWith('/.well-known/') ? { body: body(own, other) } : undefined))
}

function keys(answer: (own: string, other: string) => Answer): Failure[1] {
  return instead((path, own, other) => (path === '/jwks' ? answer(own, other) : undefined))
}

const HANGS: Failure = ['does not reply', faulty('hangs')]

const METADATA_FAILURES: readonly Failure[] = [
  ['replies with errors', faulty('refuses')],
  ['has the metadata of another issuer', faulty('lies')],
  ['replies with a page', instead(() => ({ headers: { 'Content-Type': 'text/html' }, body: '<html>' }))],
  ['redirects', instead((path, _, other) => ({ status: 302, headers: { Location: `${other}${path}` } }))],
  ['has its keys at another origin over HTTP', metadata((own, other) => ({ issuer: own, jwks_uri: `${other}/jwks` }))],
  ['has a slash after its identifier', metadata(own => ({ issuer: `${own}/`, jwks_uri: `${own}/jwks` }))],
  ['has no identifier', metadata(own => ({ jwks_uri: `${own}/jwks` }))],
  ['has no URL of keys', metadata(own => ({ issuer: own }))],
]

/** Failures of the keys while the metadata is valid. */
const KEY_FAILURES: readonly Failure[] = [
  ['redirects the request for its keys', keys((_, other) => ({ status: 307, headers: { Location: `${other}/jwks` } }))],
  ['has malformed keys', keys(() => ({ body: { keys: 'none' } }))],
  ['has no key set', keys(() => ({ body: [] }))],
]

/** More than the server reads. */
const TOO_MUCH = 'x'.repeat(256 * 1024)

/** Valid replies, except for their length. */
const LONG_REPLIES: readonly Failure[] = [
  [
    'has too much metadata',
    metadata(own => ({ issuer: own, jwks_uri: `${own}/jwks`, service_documentation: TOO_MUCH })),
  ],
  [
    'has too many keys',
    issuer => {
      const body = { keys: [issuer.currentKey.publicJwk, { kty: 'oct', kid: TOO_MUCH }] }
      issuer.instead = path => (path === '/jwks' ? { body } : undefined)
    },
  ],
]

/** The maximum number of fetches in this time. */
function maxFetches(ms: number, cooldownMs: number): number {
  return 1 + Math.floor(ms / cooldownMs)
}

/** Failures of the identity provider never admit anyone, and the server recovers from them. */
export function describeIssuer(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  const attacker = new TokenIssuer()
  const pairs: Pair[] = []
  let unreliable: Pair[]
  let primedAt = 0
  let rotating: Pair
  let flooded: Pair
  let failing: Pair

  const pair = async (): Promise<Pair> => {
    const issuer = new TokenIssuer()
    await issuer.open()
    const made = { issuer, remote: await world.serve({ OAUTH_ISSUER: issuer.url }) }
    pairs.push(made)
    return made
  }
  const tokenOf = async ({ issuer }: Pair, key = issuer.currentKey): Promise<string> => {
    const token = await issuer.token(PUBLIC_URL, scope, { key })
    world.tokens.push(token)
    return token
  }
  const list = async ({ remote }: Pair, token: string): Promise<Reply> =>
    await remote.server.modern(token, 'tools/list')
  const statusOf = async (of: Pair, key = of.issuer.currentKey): Promise<number> =>
    (await list(of, await tokenOf(of, key))).status
  /** Sends many tokens with unknown key ids, concurrently and one after the other. */
  const sendUnknownKeys = async (of: Pair): Promise<{ statuses: Set<number>; requests: number; tookMs: number }> => {
    const begun = performance.now()
    const before = of.issuer.requests.length
    const unknown = await newKey('unknown')
    const one = (n: number): Promise<number> => statusOf(of, { ...unknown, kid: `unknown-${n}` })
    const statuses = await Promise.all(Array.from({ length: 100 }, (_, n) => one(n)))
    for (let n = 0; n < 20; n += 1) statuses.push(await one(n))
    return {
      statuses: new Set(statuses),
      requests: of.issuer.requests.length - before,
      tookMs: performance.now() - begun,
    }
  }
  const half = METADATA_FAILURES.length / 2
  /** Each group is tested with a server of its own, at the same time as the others. */
  const groups: readonly (readonly Failure[])[] = [
    // It takes as long as the server waits for its issuer: five seconds.
    [HANGS],
    LONG_REPLIES,
    METADATA_FAILURES.slice(0, half),
    METADATA_FAILURES.slice(half),
    KEY_FAILURES,
  ]
  const cooledDown = async (): Promise<void> =>
    await pause(Math.max(0, primedAt + KEY_COOLDOWN_MS + MARGIN_MS - performance.now()))

  describe('the issuer', () => {
    beforeAll(async () => {
      await attacker.open()
      const healthy = await Promise.all([pair(), pair(), pair()])
      ;[rotating, flooded, failing] = healthy
      for (const each of healthy) expect(await statusOf(each)).toBe(200)
      primedAt = performance.now()
      unreliable = await Promise.all(groups.map(() => pair()))
    })
    afterAll(async () => {
      await Promise.all(pairs.map(({ remote }) => remote.server.kill('SIGTERM')))
      await Promise.all([attacker, ...pairs.map(({ issuer }) => issuer)].map(issuer => issuer.close()))
    })

    it(`${verifies('P15')} receives no further request because of tokens with unknown key ids`, async () => {
      const { statuses, requests, tookMs } = await sendUnknownKeys(flooded)
      expect(statuses).toEqual(new Set([401]))
      expect(requests).toBeLessThanOrEqual(maxFetches(tookMs, KEY_COOLDOWN_MS))
    })

    it(`${verifies('P7', 'P15', 'P16')} causes a 503 for every caller while it fails, until it works again`, async () => {
      const expectUnavailable = async (of: Pair, [title, begin]: Failure): Promise<void> => {
        begin(of.issuer, attacker)
        const token = await tokenOf(of)
        const newRecords = of.remote.trail.follow()
        const asked = of.issuer.requests.length
        const begun = performance.now()
        // A malformed token is refused without the keys.
        expect((await list(of, 'x.y')).status, title).toBe(401)
        const replies = await Promise.all(Array.from({ length: 20 }, () => list(of, token)))
        for (let n = 0; n < 20; n += 1) replies.push(await list(of, token))
        for (const reply of replies) {
          expect(reply.status, title).toBe(503)
          expect(Number(reply.headers['retry-after']), title).toBeGreaterThan(0)
          expect(errorCodeOf(messageOf(reply)), title).toBe('BACKEND_UNAVAILABLE')
          // The URL of the issuer is not for callers.
          expect(reply.text, title).not.toContain(of.issuer.url)
        }
        // Far fewer requests to the issuer than calls.
        const most = 4 * maxFetches(performance.now() - begun, FAILURE_COOLDOWN_MS)
        expect(of.issuer.requests.length - asked, title).toBeLessThanOrEqual(most)
        const [garbage, ...unavailable] = newRecords()
        expect(garbage, title).toMatchObject({ event: 'denied', error: { code: 'FORBIDDEN' } })
        expect(unavailable, title).toHaveLength(replies.length)
        const expected = { event: 'denied', error: { code: 'BACKEND_UNAVAILABLE' }, caller: { id: '' } }
        for (const record of unavailable) expect(record, title).toMatchObject(expected)
        of.issuer.fault = undefined
        of.issuer.instead = () => undefined
        await pause(FAILURE_COOLDOWN_MS + MARGIN_MS)
      }
      const run = async (failures: readonly Failure[], of?: Pair): Promise<void> => {
        if (!of) throw new Error('every group of failures needs a server')
        for (const failure of failures) await expectUnavailable(of, failure)
        expect(await statusOf(of)).toBe(200)
      }
      await Promise.all(groups.map((failures, n) => run(failures, unreliable[n])))
      expect(attacker.requests).toEqual([])
    })

    it(`${verifies('P15')} can replace its keys without a restart: the new one is accepted, the old one is not`, async () => {
      await cooledDown()
      const old = rotating.issuer.currentKey
      const asked = rotating.issuer.requests.length
      expect(await statusOf(rotating, old)).toBe(200)
      expect(rotating.issuer.requests.length).toBe(asked)
      await rotating.issuer.addKey()
      rotating.issuer.dropOldKeys()
      expect(await statusOf(rotating)).toBe(200)
      expect(await statusOf(rotating, old)).toBe(401)
      expect(rotating.issuer.requests.slice(asked)).toEqual(['/jwks'])
    })

    it(`${verifies('P15')} receives one request after the cooldown, for many tokens with unknown key ids`, async () => {
      await cooledDown()
      const { statuses, requests, tookMs } = await sendUnknownKeys(flooded)
      expect(statuses).toEqual(new Set([401]))
      expect(requests).toBeLessThanOrEqual(maxFetches(tookMs, KEY_COOLDOWN_MS))
    })

    it(`${verifies('P15')} can fail later: the known keys remain accepted, and no others`, async () => {
      await cooledDown()
      const { issuer } = failing
      for (const fault of ['refuses', 'lies'] as const) {
        issuer.fault = fault
        const { statuses, requests, tookMs } = await sendUnknownKeys(failing)
        // The issuer may have such a key, so the token is not called invalid.
        expect(statuses, fault).toEqual(new Set([503]))
        expect(requests, fault).toBeLessThanOrEqual(2 * maxFetches(tookMs, FAILURE_COOLDOWN_MS))
        expect(await statusOf(failing), fault).toBe(200)
        await pause(FAILURE_COOLDOWN_MS + MARGIN_MS)
      }
      issuer.fault = undefined
      await issuer.addKey()
      expect(await statusOf(failing)).toBe(200)
      await issuer.close()
      expect(await statusOf(failing)).toBe(200)
      await issuer.listen()
    })

    it(`${verifies('P11', 'P15')} has its failures in the log, without tokens`, () => {
      for (const { remote } of [...unreliable, failing]) {
        expect(remote.server.stderr).toContain('the issuer’s keys cannot be had')
        expect(remote.server.stderr).not.toMatch(/eyJ|Bearer/)
      }
    })
  })
}
