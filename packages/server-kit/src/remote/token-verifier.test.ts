import { createHmac, createPublicKey } from 'node:crypto'
import { CompactSign, createLocalJWKSet, errors, exportJWK, importJWK } from 'jose'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { claimsOf, newKey, type SigningKey, signToken } from '../../test/remote/signing-key.ts'
import { IssuerUnavailableError } from './issuer-keys.ts'
import { createTokenVerifier, TokenRefusedError, type VerifyToken } from './token-verifier.ts'

const ISSUER = 'https://idp.example.com'
const AUDIENCE = 'https://mcp.example.com/mcp'
const RULES = { issuer: ISSUER, audience: [AUDIENCE, 'urn:deputies'] }
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'Ed25519']

type Fields = Readonly<Record<string, unknown>>

describe('a token verifier', () => {
  const keys = new Map<string, SigningKey>()
  let key: SigningKey
  let verify: VerifyToken
  beforeAll(async () => {
    for (const alg of ALGORITHMS.filter(name => !/^[RP]S/.test(name))) keys.set(alg, await newKey(`key-${alg}`, alg))
    // One RSA key serves for all of its algorithms: to make one takes long.
    const rsa = await newKey('key-rsa', 'RS256')
    const privateJwk = await exportJWK(rsa.privateKey)
    const { alg: _, ...publicJwk } = rsa.publicJwk
    for (const alg of ALGORITHMS.filter(name => /^[RP]S/.test(name)))
      keys.set(alg, {
        ...rsa,
        alg,
        publicJwk,
        privateKey: (await importJWK(privateJwk, alg)) as SigningKey['privateKey'],
      })
    key = keys.get('ES256') as SigningKey
    const published = [...new Map([...keys.values()].map(({ publicJwk: jwk }) => [jwk.kid, jwk])).values()]
    const encryption = { ...key.publicJwk, kid: 'for-encryption', use: 'enc' }
    const keyOf = createLocalJWKSet({ keys: [...published, encryption] })
    verify = createTokenVerifier(RULES, { keyOf, reach: async () => {} })
  })

  const token = (claims: Fields = {}, header: Fields = {}, signer = key): Promise<string> =>
    signToken(signer, { ...claimsOf(ISSUER, AUDIENCE), ...claims }, header)
  const now = (seconds = 0): number => Math.floor(Date.now() / 1000) + seconds
  const parts = async (): Promise<[string, string, string]> => (await token()).split('.') as [string, string, string]

  it.each(ALGORITHMS)(`${verifies('P15')} accepts a signature of %s`, async alg => {
    const signer = keys.get(alg) as SigningKey
    expect(await verify(await token({}, {}, signer))).toEqual({
      sub: 'ada',
      clientId: 'app',
      scopes: new Set(['notes:read']),
    })
  })

  const GOOD: Readonly<Record<string, [claims: () => Fields, header?: Fields]>> = {
    'a list of audiences with this server in it': [() => ({ aud: ['https://other.example.com', AUDIENCE] })],
    'the other audience of this server': [() => ({ aud: 'urn:deputies' })],
    'the long form of its type': [() => ({}), { typ: 'application/at+jwt' }],
    'its type in upper case': [() => ({}), { typ: 'AT+JWT' }],
    'claims that are not checked': [() => ({ email: 'ada@example.com', groups: ['a'], auth_time: 9 })],
    'a beginning that has come': [() => ({ nbf: now() })],
    'an issuer’s clock that is four seconds ahead': [() => ({ iat: now(4), nbf: now(4) })],
    'an end four seconds ago': [() => ({ exp: now(-4) })],
    'an age just below a day': [() => ({ iat: now(-24 * 3600 + 60) })],
    'a subject of 255 characters': [() => ({ sub: 'é'.repeat(255) })],
    'a client of 255 characters': [() => ({ client_id: 'c'.repeat(255) })],
  }

  it.each(Object.entries(GOOD))(`${verifies('P15')} accepts a token with %s`, async (_, [claims, header]) => {
    expect((await verify(await token(claims(), header))).scopes).toEqual(new Set(['notes:read']))
  })

  it.each([
    ['', []],
    ['openid', ['openid']],
    ['openid notes:read notes:write', ['openid', 'notes:read', 'notes:write']],
    ['! #~ []', ['!', '#~', '[]']],
  ])(`${verifies('P15')} reads the scopes of %j`, async (scope, scopes) => {
    expect((await verify(await token({ scope }))).scopes).toEqual(new Set(scopes))
  })

  const BAD_CLAIMS: Readonly<Record<string, () => Fields>> = {
    'another issuer': () => ({ iss: 'https://evil.example' }),
    'its issuer with a slash after it': () => ({ iss: `${ISSUER}/` }),
    'its issuer in upper case': () => ({ iss: ISSUER.toUpperCase() }),
    'a list with its issuer': () => ({ iss: [ISSUER] }),
    'no issuer': () => ({ iss: undefined }),
    'another audience': () => ({ aud: 'https://evil.example/mcp' }),
    'an audience that begins like this server': () => ({ aud: `${AUDIENCE}/x` }),
    'an audience that is the beginning of this server': () => ({ aud: AUDIENCE.slice(0, -1) }),
    'an empty list of audiences': () => ({ aud: [] }),
    'audiences in one text': () => ({ aud: `https://evil.example ${AUDIENCE}` }),
    'no audience': () => ({ aud: undefined }),
    'no end': () => ({ exp: undefined }),
    'an end as text': () => ({ exp: String(now(300)) }),
    'an end that is no safe integer': () => ({ exp: 2 ** 53 }),
    'an end seven seconds ago': () => ({ exp: now(-7) }),
    'a beginning in seven seconds': () => ({ nbf: now(7) }),
    'an issue time in seven seconds': () => ({ iat: now(7) }),
    'an age of over a day': () => ({ iat: now(-24 * 3600 - 60) }),
    'an age of over a day and an end in years': () => ({ iat: now(-25 * 3600), exp: now(3e8) }),
    'no issue time': () => ({ iat: undefined }),
    'no subject': () => ({ sub: undefined }),
    'an empty subject': () => ({ sub: '' }),
    'a subject of 256 characters': () => ({ sub: 'a'.repeat(256) }),
    'a subject with a line break': () => ({ sub: 'ada\nroot' }),
    'a subject with a null character': () => ({ sub: 'ada\0' }),
    'a subject with a bidirectional override': () => ({ sub: 'ada\u202etoor' }),
    'a subject with a line separator': () => ({ sub: 'ada\u2028root' }),
    'a subject with a paragraph separator': () => ({ sub: 'ada\u2029root' }),
    'a number as its subject': () => ({ sub: 7 }),
    'no client': () => ({ client_id: undefined }),
    'an empty client': () => ({ client_id: '' }),
    'a client with a line break': () => ({ client_id: 'app\nother' }),
    'its client as azp only': () => ({ client_id: undefined, azp: 'app' }),
    'no id': () => ({ jti: undefined }),
    'an empty id': () => ({ jti: '' }),
    'a number as its id': () => ({ jti: 7 }),
    'no scope': () => ({ scope: undefined }),
    'a list of scopes': () => ({ scope: ['notes:read'] }),
    'scopes with two spaces between them': () => ({ scope: 'openid  notes:read' }),
    'a space before its scope': () => ({ scope: ' notes:read' }),
    'a space after its scope': () => ({ scope: 'notes:read ' }),
    'a scope in quotes': () => ({ scope: '"notes:read"' }),
    'a scope with a backslash': () => ({ scope: 'notes\\read' }),
    'a scope with a letter beyond ASCII': () => ({ scope: 'notés:read' }),
    'a scope with a line break': () => ({ scope: 'openid\nnotes:read' }),
    'a key that it is bound to': () => ({ cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }),
    'an empty binding': () => ({ cnf: null }),
  }

  it.each(Object.entries(BAD_CLAIMS))(`${verifies('P15')} refuses a token with %s`, async (_, claims) => {
    await expect(verify(await token(claims()))).rejects.toThrow(TokenRefusedError)
  })

  it(`${verifies('P15')} refuses an end at infinity`, async () => {
    const claims = JSON.stringify(claimsOf(ISSUER, AUDIENCE)).replace(/"exp":\d+/, '"exp":1e400')
    await expect(verify(await signedText(claims))).rejects.toThrow(TokenRefusedError)
  })

  it(`${verifies('P15')} says of an expired token that it has expired, as its client can get another`, async () => {
    await expect(verify(await token({ exp: now(-60) }))).rejects.toThrow('the token has expired')
  })

  /** Signs a payload that no serializer would write. */
  const signedText = async (payload: string): Promise<string> => {
    return await new CompactSign(Buffer.from(payload))
      .setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'at+jwt' })
      .sign(key.privateKey)
  }
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

  it.each(['JWT', undefined, '', 'at+jwtx', 'xat+jwt', 'text/at+jwt', 'id+jwt', 'dpop+jwt'])(
    `${verifies('P15')} refuses a token of the type %j`,
    async typ => {
      await expect(verify(await token({}, { typ }))).rejects.toThrow(TokenRefusedError)
    },
  )

  it.each(['none', 'None', '', 'HS256', 'ES256K'])(
    `${verifies('P15')} refuses a token of the algorithm %j`,
    async alg => {
      const [, payload, signature] = await parts()
      const header = encoded({ alg, kid: key.kid, typ: 'at+jwt' })
      await expect(verify(`${header}.${payload}.${signature}`)).rejects.toThrow(TokenRefusedError)
      await expect(verify(`${header}.${payload}.`)).rejects.toThrow(TokenRefusedError)
    },
  )

  it(`${verifies('P15')} refuses the public key as a shared secret`, async () => {
    const secret = createPublicKey({ key: key.publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    const data = `${encoded({ alg: 'HS256', kid: key.kid, typ: 'at+jwt' })}.${encoded(claimsOf(ISSUER, AUDIENCE))}`
    const signature = createHmac('sha256', secret).update(data).digest('base64url')
    await expect(verify(`${data}.${signature}`)).rejects.toThrow(TokenRefusedError)
  })

  it(`${verifies('P15')} allows the asymmetric algorithms and no other, whatever a key would allow`, async () => {
    const secret = Buffer.alloc(32, 1)
    const data = `${encoded({ alg: 'HS256', typ: 'at+jwt' })}.${encoded(claimsOf(ISSUER, AUDIENCE))}`
    const signature = createHmac('sha256', secret).update(data).digest('base64url')
    const keyOf = vi.fn(async () => secret)
    await expect(createTokenVerifier(RULES, { keyOf, reach: async () => {} })(`${data}.${signature}`)).rejects.toThrow(
      TokenRefusedError,
    )
    expect(keyOf).not.toHaveBeenCalled()
  })

  it(`${verifies('P15')} refuses a token of another key: of another issuer, not published, or for encryption`, async () => {
    const stranger = await newKey(key.kid)
    for (const [signer, header] of [
      [stranger, {}],
      [key, { kid: 'unknown' }],
      [key, { kid: 'for-encryption' }],
      [stranger, { jwk: stranger.publicJwk }],
      [key, { alg: 'ES384' }],
    ] as const) {
      const [, payload, signature] = (await token({}, {}, signer)).split('.')
      const changed = `${encoded({ alg: 'ES256', kid: key.kid, typ: 'at+jwt', ...header })}.${payload}.${signature}`
      await expect(verify(changed)).rejects.toThrow(TokenRefusedError)
    }
  })

  it(`${verifies('P15')} refuses a token whose text was changed after it was signed`, async () => {
    const [header, payload, signature] = await parts()
    const other = encoded({ ...claimsOf(ISSUER, AUDIENCE), sub: 'root' })
    const bytes = Buffer.from(signature, 'base64url')
    bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10)
    for (const changed of [
      `${header}.${other}.${signature}`,
      `${header}.${payload}.${bytes.toString('base64url')}`,
      `${header}.${payload}.${signature.slice(0, -4)}`,
    ])
      await expect(verify(changed)).rejects.toThrow(TokenRefusedError)
  })

  it(`${verifies('P15')} refuses a header with extensions that it must understand`, async () => {
    const [, payload, signature] = await parts()
    for (const crit of [['new'], ['exp'], []]) {
      const header = encoded({ alg: 'ES256', kid: key.kid, typ: 'at+jwt', crit, new: true })
      await expect(verify(`${header}.${payload}.${signature}`)).rejects.toThrow(TokenRefusedError)
    }
  })

  it.each(['null', '[]', '"ada"', 'sub=ada', ''])(`${verifies('P15')} refuses the payload %j`, async payload => {
    await expect(verify(await signedText(payload))).rejects.toThrow(TokenRefusedError)
  })

  it.each<[string, (good: [string, string, string]) => string]>([
    ['nothing', () => ''],
    ['dots only', () => '..'],
    ['one part', ([, payload]) => payload],
    ['two parts', ([header, payload]) => `${header}.${payload}`],
    ['an empty signature', ([header, payload]) => `${header}.${payload}.`],
    ['four parts', good => `${good.join('.')}.AAAA`],
    ['five parts', good => `${good.join('.')}.AAAA.AAAA`],
    ['padding after its signature', good => `${good.join('.')}==`],
    ['padding after each part', good => good.join('=.')],
    ['a dot before it', good => `.${good.join('.')}`],
    ['a dot after it', good => `${good.join('.')}.`],
    ['a line break after it', good => `${good.join('.')}\n`],
    ['a line break before it', good => `\n${good.join('.')}`],
    ['a character that decoders skip', ([header, payload, s]) => `${header}.${payload}.${s.slice(0, 9)}~${s.slice(9)}`],
    ['another alphabet', ([header, payload, s]) => `${header}.${payload}.+${s.slice(1)}`],
  ])(`${verifies('P15')} refuses what has the form of no token, before a key is looked for: %s`, async (_, spoil) => {
    const keyOf = vi.fn()
    const refusal = createTokenVerifier(RULES, { keyOf, reach: async () => {} })(spoil(await parts()))
    await expect(refusal).rejects.toThrow(new TokenRefusedError('not a JWT'))
    expect(keyOf).not.toHaveBeenCalled()
  })

  it(`${verifies('P15', 'P16')} accepts a token of 8,192 characters and refuses a longer one`, async () => {
    const lengthOf = async (padding: number): Promise<string> => await token({ padding: 'x'.repeat(padding) })
    const base = (await lengthOf(0)).length
    // Three bytes make four characters.
    const long = await lengthOf(Math.floor(((8192 - base) * 3) / 4))
    expect(long.length).toBeGreaterThan(8192 - 4)
    expect(long.length).toBeLessThanOrEqual(8192)
    await expect(verify(long)).resolves.toMatchObject({ sub: 'ada' })
    await expect(verify(await lengthOf(Math.ceil(((8192 - base) * 3) / 4) + 3))).rejects.toThrow('not a JWT')
    const exact = `${'a'.repeat(8188)}.a.a`
    expect(exact).toHaveLength(8192)
    await expect(verify(exact)).rejects.not.toThrow('not a JWT')
    await expect(verify(`a${exact}`)).rejects.toThrow('not a JWT')
  })

  it(`${verifies('P15')} does not refuse a token because the issuer’s keys are not available`, async () => {
    const fault = new IssuerUnavailableError('the issuer’s keys cannot be had')
    const withFault = (error: Error): VerifyToken =>
      createTokenVerifier(RULES, { keyOf: () => Promise.reject(error), reach: async () => {} })
    await expect(withFault(fault)(await token())).rejects.toBe(fault)
    // Every other error concerns the token.
    await expect(withFault(new errors.JWKSNoMatchingKey())(await token())).rejects.toThrow(TokenRefusedError)
  })

  it(`${verifies('P11', 'P15')} says nothing of the token in its refusals`, async () => {
    for (const bad of [await token({ sub: '' }), await token({ aud: 'x' }), 'x', await token({ exp: now(-60) })]) {
      const refusal = await verify(bad).catch((error: Error) => error.message)
      expect([
        'not a JWT',
        'the token has expired',
        'the token is not one for this server',
        'the token lacks a claim, or has a malformed one',
      ]).toContain(refusal)
    }
  })
})
