import { errors, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { stopClock } from '../../test/remote/clock.ts'
import { claimsOf, newKey, type SigningKey, signToken } from '../../test/remote/signing-key.ts'
import { OPENID, RFC_8414, reply, TestIssuer } from '../../test/remote/test-issuer.ts'
import { createIssuerKeys, type IssuerKeys, IssuerUnavailableError } from './issuer-keys.ts'

const KEY_COOLDOWN_MS = 5_000
const FAILURE_COOLDOWN_MS = 1_000
const TEN_MINUTES_MS = 600_000

/** Finds the key of a token and checks its signature. Returns what it rejects with, if it does. */
async function faultOf({ keyOf }: IssuerKeys, key: SigningKey, header = {}): Promise<unknown> {
  const token = await signToken(key, claimsOf('https://idp.example.com', 'a'), header)
  return await jwtVerify(token, keyOf).then(
    () => undefined,
    (reason: unknown) => reason,
  )
}

/** An issuer whose keys are known, and a clock that stands still. */
async function known() {
  const clock = stopClock()
  const issuer = await TestIssuer.start()
  const keys = createIssuerKeys(issuer.identifier)
  expect(await faultOf(keys, issuer.key)).toBeUndefined()
  issuer.requests.length = 0
  return { clock, issuer, keys }
}

const failing: TestIssuer['instead'] = (path, response) => path === '/jwks' && reply(response, {}, 500)

const breaking: TestIssuer['instead'] = (path, response) => {
  if (path !== '/jwks') return false
  response.destroy()
  return true
}

describe('the keys of the issuer', () => {
  it(`${verifies('P15')} are fetched once for many tokens at the same time`, async () => {
    const issuer = await TestIssuer.start()
    const keys = createIssuerKeys(issuer.identifier)
    const faults = await Promise.all(Array.from({ length: 50 }, () => faultOf(keys, issuer.key)))
    expect(new Set(faults)).toEqual(new Set([undefined]))
    expect(issuer.requests).toEqual([RFC_8414, '/jwks'])
  })

  it(`${verifies('P15')} are kept for ten minutes`, async () => {
    const { clock, issuer, keys } = await known()
    clock.advance(TEN_MINUTES_MS - 1)
    expect(await faultOf(keys, issuer.key)).toBeUndefined()
    expect(issuer.requests).toEqual([])
    clock.advance(1)
    expect(await faultOf(keys, issuer.key)).toBeUndefined()
    expect(issuer.requests).toEqual(['/jwks'])
  })

  it(`${verifies('P15')} rotate without a restart: the new key is accepted, the old one is not`, async () => {
    const { clock, issuer, keys } = await known()
    const old = issuer.key
    issuer.keys = [await newKey('key-2')]
    clock.advance(KEY_COOLDOWN_MS)
    expect(await faultOf(keys, old)).toBeUndefined()
    expect(await faultOf(keys, issuer.key)).toBeUndefined()
    expect(await faultOf(keys, old)).toBeInstanceOf(errors.JWKSNoMatchingKey)
    expect(issuer.requests).toEqual(['/jwks'])
  })

  it(`${verifies('P15')} are not fetched again within five seconds, however many tokens name unknown ones`, async () => {
    const { clock, issuer, keys } = await known()
    const stranger = await newKey('stranger')
    const flood = async (): Promise<void> => {
      const faults = await Promise.all(
        Array.from({ length: 30 }, (_, n) => faultOf(keys, stranger, { kid: `stranger-${n}` })),
      )
      // A fault of the token, not of the issuer.
      for (const fault of faults) expect(fault).toBeInstanceOf(errors.JWKSNoMatchingKey)
    }
    await flood()
    clock.advance(KEY_COOLDOWN_MS - 1)
    await flood()
    expect(issuer.requests).toEqual([])
    clock.advance(1)
    await flood()
    await flood()
    expect(issuer.requests).toEqual(['/jwks'])
  })

  it(`${verifies('P15')} remain in use while the issuer fails, and no others are accepted`, async () => {
    const { clock, issuer, keys } = await known()
    issuer.instead = (_, response) => reply(response, {}, 500)
    const stranger = await newKey('stranger')
    clock.advance(KEY_COOLDOWN_MS)
    // Whether the issuer has such a key by now is not known.
    expect(await faultOf(keys, stranger)).toBeInstanceOf(IssuerUnavailableError)
    expect(await faultOf(keys, issuer.key)).toBeUndefined()
    await expect(keys.reach()).rejects.toThrow(IssuerUnavailableError)
    expect(await faultOf(keys, issuer.key)).toBeUndefined()
    await issuer.close()
    clock.advance(FAILURE_COOLDOWN_MS)
    await expect(keys.reach()).rejects.toThrow(IssuerUnavailableError)
    expect(await faultOf(keys, issuer.key)).toBeUndefined()
  })

  it.each<[string, TestIssuer['instead'], string[], string[]]>([
    ['has no metadata', (_, response) => reply(response, {}, 404), [RFC_8414, OPENID], [RFC_8414, OPENID]],
    ['fails for its keys', failing, [RFC_8414, '/jwks'], ['/jwks']],
    ['drops the connection', breaking, [RFC_8414, '/jwks'], ['/jwks']],
  ])(`${verifies('P15')} are asked for once a second while the issuer %s`, async (_, instead, first, later) => {
    const clock = stopClock()
    const issuer = await TestIssuer.start()
    issuer.instead = instead
    const keys = createIssuerKeys(issuer.identifier)
    const requests = async (): Promise<string[]> => {
      issuer.requests.length = 0
      for (let count = 0; count < 10; count += 1)
        expect(await faultOf(keys, issuer.key)).toBeInstanceOf(IssuerUnavailableError)
      return [...issuer.requests]
    }
    expect(await requests()).toEqual(first)
    clock.advance(FAILURE_COOLDOWN_MS - 1)
    expect(await requests()).toEqual([])
    clock.advance(1)
    expect(await requests()).toEqual(later)
  })

  it(`${verifies('P15')} that do not fit a token are the token’s fault, whatever they lack`, async () => {
    const { clock, issuer, keys } = await known()
    const second = await newKey('key-2')
    issuer.keys = [issuer.key, second]
    clock.advance(KEY_COOLDOWN_MS)
    expect(await faultOf(keys, second)).toBeUndefined()
    const input = { payload: '', signature: '' }
    await expect(keys.keyOf({ alg: 'ES256' }, input)).rejects.toThrow(errors.JWKSMultipleMatchingKeys)
    await expect(keys.keyOf({ alg: 'XX999', kid: 'key-1' }, input)).rejects.toThrow(errors.JOSENotSupported)
    await expect(keys.keyOf({ alg: 'ES384', kid: 'key-1' }, input)).rejects.toThrow(errors.JWKSNoMatchingKey)
  })
})

describe('to reach the issuer', () => {
  it('is to fetch its keys now, whether or not they are known', async () => {
    const { issuer, keys } = await known()
    await keys.reach()
    await keys.reach()
    expect(issuer.requests).toEqual(['/jwks', '/jwks'])
    const fresh = await TestIssuer.start()
    await createIssuerKeys(fresh.identifier).reach()
    expect(fresh.requests).toEqual([RFC_8414, '/jwks'])
  })

  it('fails with the cause, for the operator', async () => {
    const issuer = await TestIssuer.start()
    const keys = createIssuerKeys(issuer.identifier)
    issuer.instead = (_, response) => reply(response, {}, 500)
    await expect(keys.reach()).rejects.toMatchObject({
      name: 'IssuerUnavailableError',
      message: 'the issuer’s keys cannot be had',
      cause: expect.objectContaining({ message: expect.stringContaining(issuer.origin) }),
    })
  })
})
