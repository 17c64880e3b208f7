import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCodeOf } from '../../running-server.ts'
import { messageOf, type Reply } from '../remote-server.ts'
import { PUBLIC_URL, type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { newKey, TokenIssuer } from '../token-issuer.ts'

/** How often, at most, a key that nobody knows makes a server ask its issuer again. */
const KEY_COOLDOWN_MS = 5_000
/** How long a server takes a failure for the answer. */
const FAILURE_COOLDOWN_MS = 1_000
const MARGIN_MS = 150

/** A server with an issuer of its own. */
interface Pair {
  readonly issuer: TokenIssuer
  readonly remote: Remote
}

type Answer = ReturnType<TokenIssuer['instead']>

/** What is wrong, and how it comes about. */
type Trouble = readonly [title: string, (issuer: TokenIssuer, attacker: TokenIssuer) => void]

function faulty(fault: NonNullable<TokenIssuer['fault']>): Trouble[1] {
  return issuer => {
    issuer.fault = fault
  }
}

function instead(answer: (path: string, own: string, other: string) => Answer): Trouble[1] {
  return (issuer, attacker) => {
    issuer.instead = path => answer(path, issuer.url, attacker.url)
  }
}

function metadata(body: (own: string, other: string) => unknown): Trouble[1] {
  return instead((path, own, other) => (path.startsWith('/.well-known/') ? { body: body(own, other) } : undefined))
}

function keys(answer: (own: string, other: string) => Answer): Trouble[1] {
  return instead((path, own, other) => (path === '/jwks' ? answer(own, other) : undefined))
}

const HANGS: Trouble = ['does not answer at all', faulty('hangs')]

/** Whatever can be wrong with what it says of itself. */
const METADATA_TROUBLES: readonly Trouble[] = [
  ['answers with errors', faulty('refuses')],
  ['says that it is somebody else', faulty('lies')],
  ['answers with a page', instead(() => ({ headers: { 'Content-Type': 'text/html' }, body: '<html>' }))],
  ['sends the server on', instead((path, _, other) => ({ status: 302, headers: { Location: `${other}${path}` } }))],
  ['has its keys elsewhere, unprotected', metadata((own, other) => ({ issuer: own, jwks_uri: `${other}/jwks` }))],
  ['has its name with a slash behind', metadata(own => ({ issuer: `${own}/`, jwks_uri: `${own}/jwks` }))],
  ['has no name', metadata(own => ({ jwks_uri: `${own}/jwks` }))],
  ['has no keys’ address', metadata(own => ({ issuer: own }))],
]

/** Whatever can be wrong with its keys, where the rest is well. */
const KEY_TROUBLES: readonly Trouble[] = [
  ['sends the server on for its keys', keys((_, other) => ({ status: 307, headers: { Location: `${other}/jwks` } }))],
  ['has keys that are none', keys(() => ({ body: { keys: 'none' } }))],
  ['has no set of keys', keys(() => ({ body: [] }))],
]

/** More than a server reads of what its issuer says. */
const TOO_MUCH = 'x'.repeat(256 * 1024)

/** Good answers, but for their length. */
const LONG_TROUBLES: readonly Trouble[] = [
  [
    'says too much of itself',
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

/** How often a server may have asked in this time, on a machine of any speed. */
function rounds(ms: number, cooldownMs: number): number {
  return 1 + Math.floor(ms / cooldownMs)
}

/** The identity provider, as it changes, fails and lies: nobody is let in for that. */
export function describeIssuer(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  const attacker = new TokenIssuer()
  const pairs: Pair[] = []
  let troubled: Pair[]
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
  /** Many tokens, at once and one after the other, of keys that the issuer never had. */
  const flood = async (of: Pair): Promise<{ statuses: Set<number>; requests: number; tookMs: number }> => {
    const begun = performance.now()
    const before = of.issuer.requests.length
    const stranger = await newKey('stranger')
    const one = (n: number): Promise<number> => statusOf(of, { ...stranger, kid: `stranger-${n}` })
    const statuses = await Promise.all(Array.from({ length: 100 }, (_, n) => one(n)))
    for (let n = 0; n < 20; n += 1) statuses.push(await one(n))
    return {
      statuses: new Set(statuses),
      requests: of.issuer.requests.length - before,
      tookMs: performance.now() - begun,
    }
  }
  const cooledDown = async (): Promise<void> =>
    await pause(Math.max(0, primedAt + KEY_COOLDOWN_MS + MARGIN_MS - performance.now()))

  describe('the issuer', () => {
    beforeAll(async () => {
      await attacker.open()
      const healthy = await Promise.all([pair(), pair(), pair()])
      ;[rotating, flooded, failing] = healthy
      for (const each of healthy) expect(await statusOf(each)).toBe(200)
      primedAt = performance.now()
      troubled = await Promise.all([pair(), pair(), pair(), pair()])
    })
    afterAll(async () => {
      await Promise.all(pairs.map(({ remote }) => remote.server.kill('SIGTERM')))
      await Promise.all([attacker, ...pairs.map(({ issuer }) => issuer)].map(issuer => issuer.close()))
    })

    it(`${verifies('P15')} is not asked again for a key that it has not, however many tokens name one`, async () => {
      const { statuses, requests, tookMs } = await flood(flooded)
      expect(statuses).toEqual(new Set([401]))
      expect(requests).toBeLessThanOrEqual(rounds(tookMs, KEY_COOLDOWN_MS))
    })

    it(`${verifies('P7', 'P15', 'P16')} lets nobody in while it is in trouble, whichever it is; the server recovers by itself`, async () => {
      const judge = async (of: Pair, [title, begin]: Trouble): Promise<void> => {
        begin(of.issuer, attacker)
        const token = await tokenOf(of)
        const newRecords = of.remote.trail.follow()
        const asked = of.issuer.requests.length
        const begun = performance.now()
        // What is no token at all is refused by itself.
        expect((await list(of, 'x.y')).status, title).toBe(401)
        const replies = await Promise.all(Array.from({ length: 20 }, () => list(of, token)))
        for (let n = 0; n < 20; n += 1) replies.push(await list(of, token))
        for (const reply of replies) {
          expect(reply.status, title).toBe(503)
          expect(Number(reply.headers['retry-after']), title).toBeGreaterThan(0)
          expect(errorCodeOf(messageOf(reply)), title).toBe('BACKEND_UNAVAILABLE')
          // Its address is the operator's business.
          expect(reply.text, title).not.toContain(of.issuer.url)
        }
        // Not one for each of them.
        const most = 4 * rounds(performance.now() - begun, FAILURE_COOLDOWN_MS)
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
      const half = METADATA_TROUBLES.length / 2
      const courses = [
        [HANGS, ...LONG_TROUBLES],
        METADATA_TROUBLES.slice(0, half),
        METADATA_TROUBLES.slice(half),
        KEY_TROUBLES,
      ]
      const goThrough = async (of: Pair, troubles: readonly Trouble[] = []): Promise<void> => {
        for (const trouble of troubles) await judge(of, trouble)
        expect(await statusOf(of)).toBe(200)
      }
      await Promise.all(troubled.map((of, n) => goThrough(of, courses[n])))
      expect(troubled).toHaveLength(courses.length)
      expect(attacker.requests).toEqual([])
    })

    it(`${verifies('P15')} changes its keys without a restart: the new one opens the door, the old one no more`, async () => {
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

    it(`${verifies('P15')} is asked once for a flood of keys that it may have by now`, async () => {
      await cooledDown()
      const { statuses, requests, tookMs } = await flood(flooded)
      expect(statuses).toEqual(new Set([401]))
      expect(requests).toBeLessThanOrEqual(rounds(tookMs, KEY_COOLDOWN_MS))
    })

    it(`${verifies('P15')} may fail later on: the keys that are known go on to work, and no others`, async () => {
      await cooledDown()
      const { issuer } = failing
      for (const fault of ['refuses', 'lies'] as const) {
        issuer.fault = fault
        const { statuses, requests, tookMs } = await flood(failing)
        // Whether the issuer has such a key by now cannot be told.
        expect(statuses, fault).toEqual(new Set([503]))
        expect(requests, fault).toBeLessThanOrEqual(2 * rounds(tookMs, FAILURE_COOLDOWN_MS))
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

    it(`${verifies('P11', 'P15')} and its trouble are told to the operator, without a token`, () => {
      for (const { remote } of [...troubled, failing]) {
        expect(remote.server.stderr).toContain('the issuer’s keys cannot be had')
        expect(remote.server.stderr).not.toMatch(/eyJ|Bearer/)
      }
    })
  })
}
