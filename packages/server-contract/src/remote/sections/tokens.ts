import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectSignIn } from '../challenge.ts'
import { asModern, messageOf, type Reply } from '../remote-server.ts'
import { PUBLIC_URL, type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { newKey, type SigningKey, TokenIssuer } from '../token-issuer.ts'
import { BAD_CLAIMS } from '../tokens/bad-claims.ts'
import type { BadToken } from '../tokens/bad-token.ts'
import { Forge, newEncryptionKey } from '../tokens/forge.ts'
import { FORGED } from '../tokens/forged.ts'
import { MISPLACED, type Misplaced, UNSEEN } from '../tokens/misplaced.ts'
import { MISSHAPEN } from '../tokens/misshapen.ts'

const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS512', 'PS256', 'PS512', 'EdDSA', 'Ed25519'] as const

/** Parts of a token that are shorter could stand anywhere by chance. */
const TELLING_LENGTH = 12

/** Which tokens open the door: those of our issuer for this server, and no other. */
export function describeTokens(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  const attacker = new TokenIssuer()
  const keys = new Map<string, SigningKey>()
  let forge: Forge
  let remote: Remote
  let newRecords: ReturnType<Remote['trail']['follow']>

  /** A call that would be carried out. */
  const call = () => {
    const tool = subject.tools.find(({ endpoint }) => endpoint) ?? subject.tools[0]
    if (!tool) throw new Error('a server has tools')
    return asModern('tools/call', { name: tool.name, arguments: world.valid(tool) })
  }
  const knock = async ({ headers, path = '/mcp', body }: Misplaced): Promise<Reply> => {
    const good = call()
    return await remote.server.send('POST', path, { ...good.headers, ...headers }, body ?? good.body)
  }
  /** That a request is turned away: told what it needs, on record, and nowhere else. */
  const expectTurnedAway = async (request: Misplaced, presented: boolean): Promise<void> => {
    newRecords()
    let reply: Reply | undefined
    const arrivals = await world.arrivals(async () => {
      reply = await knock(request)
    })
    if (!reply) throw new Error('there is no reply')
    expectSignIn(reply, subject, { presented, later: true })
    expect(messageOf(reply)).toMatchObject({ jsonrpc: '2.0', error: { data: { code: 'FORBIDDEN' } } })
    const records = newRecords()
    expect(records).toMatchObject([
      { event: 'denied', error: { code: 'FORBIDDEN' }, caller: { kind: 'oauth', id: '', host: '127.0.0.1' } },
    ])
    expect(arrivals).toEqual([])
    const said = [JSON.stringify(reply), JSON.stringify(records), remote.server.stderr].join('\n')
    const sent = JSON.stringify(request).split(/[^\w-]+/)
    expect(sent.filter(part => part.length >= TELLING_LENGTH && isTelling(part) && said.includes(part))).toEqual([])
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
      forge = new Forge(world.issuer, attacker, encryptionKey, scope)
      remote = await world.serve(subject.unasked)
      // From here on its keys are known, so that a token is refused for what it is.
      expect((await knock({ headers: { Authorization: `Bearer ${await world.token(scope)}` } })).status).toBe(200)
      newRecords = remote.trail.follow()
    })
    afterAll(async () => {
      await remote.server.kill('SIGTERM')
      await attacker.close()
    })

    const refused = async (_: string, token: BadToken[1]): Promise<void> => {
      await expectTurnedAway({ headers: { Authorization: `Bearer ${await make(token(forge))}` } }, true)
    }

    it.each(BAD_CLAIMS)(`${verifies('P7', 'P11', 'P15')} is refused that has %s`, refused)
    it.each(FORGED)(`${verifies('P7', 'P11', 'P15')} is refused that is forged with %s`, refused)
    it.each(MISSHAPEN)(`${verifies('P7', 'P11', 'P15')} is refused that is no access token: %s`, refused)

    it.each(Object.entries(MISPLACED))(
      `${verifies('P7', 'P11', 'P15')} is refused where it must not stand: %s`,
      async (_, place) => {
        await expectTurnedAway(place(await world.token(scope), await world.token(scope)), true)
      },
    )

    it.each(Object.entries(UNSEEN))(
      `${verifies('P7', 'P11', 'P15')} is not looked for elsewhere: %s`,
      async (_, place) => {
        await expectTurnedAway(place(await world.token(scope)), false)
      },
    )

    it.each(['GET', 'DELETE'])(`${verifies('P7', 'P15')} is asked for by %s too`, async method => {
      expectSignIn(await remote.server.send(method, '/mcp'), subject, { presented: false, later: false })
      const forged = await remote.server.send(method, '/mcp', { Authorization: 'Bearer x.y.z' })
      expectSignIn(forged, subject, { presented: true, later: false })
      expect(newRecords()).toMatchObject([{ event: 'denied' }, { event: 'denied' }])
    })

    it(`${verifies('P15')} that nobody could mean was tried in many ways`, () => {
      const count = [BAD_CLAIMS, FORGED, MISSHAPEN].flat().length + Object.keys({ ...MISPLACED, ...UNSEEN }).length
      expect(count).toBeGreaterThanOrEqual(200)
    })

    it(`${verifies('P15')} leads the server nowhere: nobody but its issuer was ever asked for a key`, () => {
      expect(attacker.requests).toEqual([])
      expect(new Set(world.issuer.requests)).toEqual(new Set(['/.well-known/oauth-authorization-server', '/jwks']))
    })

    const passes = async (token: string | Promise<string>, scheme = 'Bearer'): Promise<void> => {
      newRecords()
      const reply = await knock({ headers: { Authorization: `${scheme} ${await make(token)}` } })
      expect(reply.status, reply.text).toBe(200)
      expect(newRecords()[0]).toMatchObject({ caller: { kind: 'oauth', id: 'ada', clientId: 'contract-client' } })
    }

    it.each(ALGORITHMS)(`${verifies('P15')} passes that is signed with %s`, async alg => {
      await passes(forge.ours({ key: keys.get(alg) ?? forge.issuer.currentKey }))
    })

    it(`${verifies('P15')} passes that is good, however a good issuer writes it`, async () => {
      const now = Math.floor(Date.now() / 1000)
      await passes(forge.ours({ claims: { aud: ['https://other.example', PUBLIC_URL] } }))
      await passes(forge.ours({ claims: { aud: [PUBLIC_URL] } }))
      await passes(forge.ours({ header: { typ: 'application/at+jwt' } }))
      await passes(forge.ours({ header: { typ: 'AT+JWT' } }))
      await passes(forge.ours({ claims: { scope: `openid ${scope} email` } }))
      await passes(forge.ours({ claims: { email: 'ada@example.com', groups: ['a', 'b'], auth_time: now - 9 } }))
      await passes(forge.ours({ claims: { nbf: now } }))
      await passes(forge.ours(), 'bearer')
      await passes(forge.ours(), 'BEARER')
    })

    it(`${verifies('P15')} passes from an issuer whose clock is a little off`, async () => {
      const now = Math.floor(Date.now() / 1000)
      await passes(forge.ours({ claims: { iat: now + 3, nbf: now + 3 } }))
      await passes(forge.ours({ claims: { exp: now - 2 } }))
    })
  })
}

/** Whether it could be a part of a token, not a word of a request. */
function isTelling(part: string): boolean {
  return /[A-Z]/.test(part) && /[a-z]/.test(part) && !/^[A-Za-z-]+$/.test(part)
}
