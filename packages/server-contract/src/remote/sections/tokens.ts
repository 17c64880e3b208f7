import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectSignIn } from '../challenge.ts'
import { effectsOf } from '../effects.ts'
import { asModern, messageOf, type Reply } from '../remote-server.ts'
import { PUBLIC_URL, type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { newKey, type SigningKey, TokenIssuer } from '../token-issuer.ts'
import { BAD_CLAIMS } from '../tokens/bad-claims.ts'
import type { BadToken } from '../tokens/bad-token.ts'
import { FORGED } from '../tokens/forged.ts'
import { MALFORMED } from '../tokens/malformed.ts'
import { IGNORED, MISPLACED, type Misplaced } from '../tokens/misplaced.ts'
import { newEncryptionKey, TokenForger } from '../tokens/token-forger.ts'

const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS512', 'PS256', 'PS512', 'EdDSA', 'Ed25519'] as const

/** Shorter parts of a token can occur by chance. */
const MIN_PART_LENGTH = 12

/** The server accepts valid tokens of its issuer for itself, and no others. */
export function describeTokens(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  const attacker = new TokenIssuer()
  const keys = new Map<string, SigningKey>()
  let forger: TokenForger
  let remote: Remote

  /** A call that would be carried out. */
  const call = () => {
    const tool = subject.tools.find(({ endpoint }) => endpoint) ?? subject.tools[0]
    if (!tool) throw new Error('a server has tools')
    return asModern('tools/call', { name: tool.name, arguments: world.valid(tool) })
  }
  const send = async ({ headers, path = '/mcp', body }: Misplaced): Promise<Reply> => {
    const good = call()
    return await remote.server.send('POST', path, { ...good.headers, ...headers }, body ?? good.body)
  }
  /** The reply is a challenge, the request is recorded, and neither repeats any part of the request. */
  const expectRefused = async (request: Misplaced, hasToken: boolean): Promise<void> => {
    const { reply, records, arrivals } = await effectsOf(world, remote, () => send(request))
    expectSignIn(reply, subject, { hasToken, isModern: true })
    expect(messageOf(reply)).toMatchObject({ jsonrpc: '2.0', error: { data: { code: 'FORBIDDEN' } } })
    expect(records).toMatchObject([
      { event: 'denied', error: { code: 'FORBIDDEN' }, caller: { kind: 'oauth', id: '', host: '127.0.0.1' } },
    ])
    expect(arrivals).toEqual([])
    const outputs = [JSON.stringify(reply), JSON.stringify(records), remote.server.stderr].join('\n')
    const parts = JSON.stringify(request).split(/[^\w-]+/)
    expect(parts.filter(part => isTokenPart(part) && outputs.includes(part))).toEqual([])
  }
  const make = async (token: string | Promise<string>): Promise<string> => {
    world.tokens.push(await token)
    return await token
  }

  describe('a token', () => {
    beforeAll(async () => {
      await attacker.open()
      const encryptionKey = await newEncryptionKey()
      const all = await Promise.all(ALGORITHMS.map(async alg => [alg, await newKey(`key-for-${alg}`, alg)] as const))
      for (const [alg, key] of all) keys.set(alg, key)
      for (const { publicJwk } of [encryptionKey, ...keys.values()]) world.issuer.publish(publicJwk)
      forger = new TokenForger(world.issuer, attacker, encryptionKey, scope)
      remote = await world.serve(subject.confirmationOff)
      // The server fetches the keys now, so that a token cannot be refused because the keys are missing.
      expect((await send({ headers: { Authorization: `Bearer ${await world.token(scope)}` } })).status).toBe(200)
    })
    afterAll(async () => {
      await remote.server.kill('SIGTERM')
      await attacker.close()
    })

    const refused = async (_: string, token: BadToken[1]): Promise<void> => {
      await expectRefused({ headers: { Authorization: `Bearer ${await make(token(forger))}` } }, true)
    }

    it.each(BAD_CLAIMS)(`${verifies('P7', 'P11', 'P15')} is refused if it has %s`, refused)
    it.each(FORGED)(`${verifies('P7', 'P11', 'P15')} is refused if it is forged: %s`, refused)
    it.each(MALFORMED)(`${verifies('P7', 'P11', 'P15')} is refused if it is malformed: %s`, refused)

    it.each(Object.entries(MISPLACED))(
      `${verifies('P7', 'P11', 'P15')} is refused in the wrong place: %s`,
      async (_, place) => {
        await expectRefused(place(await world.token(scope), await world.token(scope)), true)
      },
    )

    it.each(Object.entries(IGNORED))(
      `${verifies('P7', 'P11', 'P15')} is not read from other places: %s`,
      async (_, place) => {
        await expectRefused(place(await world.token(scope)), false)
      },
    )

    it.each(['GET', 'DELETE'])(`${verifies('P7', 'P15')} is required by %s too`, async method => {
      const newRecords = remote.trail.follow()
      expectSignIn(await remote.server.send(method, '/mcp'), subject, { hasToken: false, isModern: false })
      const forged = await remote.server.send(method, '/mcp', { Authorization: 'Bearer x.y.z' })
      expectSignIn(forged, subject, { hasToken: true, isModern: false })
      expect(newRecords()).toMatchObject([{ event: 'denied' }, { event: 'denied' }])
    })

    it(`${verifies('P15')} is tested in at least 200 invalid forms`, () => {
      const count = [BAD_CLAIMS, FORGED, MALFORMED].flat().length + Object.keys({ ...MISPLACED, ...IGNORED }).length
      expect(count).toBeGreaterThanOrEqual(200)
    })

    it(`${verifies('P15')} does not make the server send a request to anyone but its issuer`, () => {
      expect(attacker.requests).toEqual([])
      expect(new Set(world.issuer.requests)).toEqual(new Set(['/.well-known/oauth-authorization-server', '/jwks']))
    })

    const expectAccepted = async (token: string | Promise<string>, scheme = 'Bearer'): Promise<void> => {
      const headers = { Authorization: `${scheme} ${await make(token)}` }
      const { reply, records } = await effectsOf(world, remote, () => send({ headers }))
      expect(reply.status, reply.text).toBe(200)
      expect(records[0]).toMatchObject({ caller: { kind: 'oauth', id: 'ada', clientId: 'contract-client' } })
    }

    it.each(ALGORITHMS)(`${verifies('P15')} is accepted if it is signed with %s`, async alg => {
      await expectAccepted(forger.ours({ key: keys.get(alg) ?? forger.issuer.currentKey }))
    })

    it(`${verifies('P15')} is accepted in every form that the standards allow`, async () => {
      const now = Math.floor(Date.now() / 1000)
      await expectAccepted(forger.ours({ claims: { aud: ['https://other.example', PUBLIC_URL] } }))
      await expectAccepted(forger.ours({ claims: { aud: [PUBLIC_URL] } }))
      await expectAccepted(forger.ours({ header: { typ: 'application/at+jwt' } }))
      await expectAccepted(forger.ours({ header: { typ: 'AT+JWT' } }))
      await expectAccepted(forger.ours({ claims: { scope: `openid ${scope} email` } }))
      await expectAccepted(
        forger.ours({ claims: { email: 'ada@example.com', groups: ['a', 'b'], auth_time: now - 9 } }),
      )
      await expectAccepted(forger.ours({ claims: { nbf: now } }))
      await expectAccepted(forger.ours(), 'bearer')
      await expectAccepted(forger.ours(), 'BEARER')
    })

    it(`${verifies('P15')} is accepted if the clock of its issuer differs by a few seconds`, async () => {
      const now = Math.floor(Date.now() / 1000)
      await expectAccepted(forger.ours({ claims: { iat: now + 3, nbf: now + 3 } }))
      await expectAccepted(forger.ours({ claims: { exp: now - 2 } }))
    })
  })
}

/** Whether it can be a part of a token, not a word of the request. */
function isTokenPart(part: string): boolean {
  return part.length >= MIN_PART_LENGTH && /[A-Z]/.test(part) && /[a-z]/.test(part) && !/^[A-Za-z-]+$/.test(part)
}
