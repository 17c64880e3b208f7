import { jwtVerify } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { stopClock } from '../../test/remote/clock.ts'
import { claimsOf, type SigningKey, signToken } from '../../test/remote/signing-key.ts'
import { soon } from '../../test/remote/soon.ts'
import { OPENID, RFC_8414, reply, TestIssuer } from '../../test/remote/test-issuer.ts'
import { createIssuerKeys, type IssuerKeys, IssuerUnavailableError } from './issuer-keys.ts'

const MAX_BYTES = 256 * 1024

/** Finds the key of a token and checks its signature. */
async function check({ keyOf }: IssuerKeys, key: SigningKey, header = {}): Promise<void> {
  await jwtVerify(await signToken(key, claimsOf('https://idp.example.com', 'a'), header), keyOf)
}

async function expectUnavailable(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(IssuerUnavailableError)
  expect((error as Error).message).toBe('the issuer’s keys cannot be had')
  return (error as Error).cause as Error
}

describe('the metadata of the issuer', () => {
  it.each([
    ['', RFC_8414, [RFC_8414]],
    ['', OPENID, [RFC_8414, OPENID]],
    ['/', RFC_8414, [RFC_8414]],
    ['/tenant', `${RFC_8414}/tenant`, [`${RFC_8414}/tenant`]],
    ['/tenant', `/tenant${OPENID}`, [`${RFC_8414}/tenant`, `/tenant${OPENID}`]],
    ['/tenant', `${OPENID}/tenant`, [`${RFC_8414}/tenant`, `/tenant${OPENID}`, `${OPENID}/tenant`]],
    ['/a/b/', `/a/b${OPENID}`, [`${RFC_8414}/a/b`, `/a/b${OPENID}`]],
  ])(`${verifies('P15')} of an issuer with the path %j is found at %s`, async (path, place, asked) => {
    const issuer = await TestIssuer.start(path)
    issuer.metadataPath = place
    await check(createIssuerKeys(issuer.identifier), issuer.key)
    expect(issuer.requests).toEqual([...asked, '/jwks'])
  })

  it(`${verifies('P15')} is looked for in no other place`, async () => {
    for (const [path, places] of [
      ['', 2],
      ['/tenant', 3],
    ] as const) {
      const issuer = await TestIssuer.start(path)
      issuer.metadataPath = '/elsewhere'
      const cause = await expectUnavailable(check(createIssuerKeys(issuer.identifier), issuer.key))
      expect(issuer.requests).toHaveLength(places)
      // The operator learns where it was looked for.
      for (const place of issuer.requests) expect(cause.message).toContain(`${issuer.origin}${place}`)
    }
  })

  it.each<[string, (issuer: TestIssuer) => unknown]>([
    ['names another issuer', issuer => ({ ...issuer.metadata(), issuer: 'https://evil.example' })],
    ['names it with a slash after it', issuer => ({ ...issuer.metadata(), issuer: `${issuer.identifier}/` })],
    ['names no issuer', issuer => ({ jwks_uri: `${issuer.origin}/jwks` })],
    ['names a list of issuers', issuer => ({ ...issuer.metadata(), issuer: [issuer.identifier] })],
    ['has no address of keys', issuer => ({ issuer: issuer.identifier })],
    ['has a relative address of keys', issuer => ({ ...issuer.metadata(), jwks_uri: '/jwks' })],
    ['is a page', () => '<html>'],
    ['is a list', issuer => [issuer.metadata()]],
    ['is empty', () => ''],
  ])(`${verifies('P15')} is not used if it %s`, async (_, body) => {
    const issuer = await TestIssuer.start()
    issuer.instead = (path, response) => path.startsWith('/.well-known/') && reply(response, body(issuer))
    await expectUnavailable(check(createIssuerKeys(issuer.identifier), issuer.key))
    expect(issuer.requests).toEqual([RFC_8414, OPENID])
  })

  it(`${verifies('P15')} is not used if its status is an error, whatever its body says`, async () => {
    const issuer = await TestIssuer.start()
    issuer.instead = (path, response) => path !== '/jwks' && reply(response, issuer.metadata(), 500)
    await expectUnavailable(check(createIssuerKeys(issuer.identifier), issuer.key))
    expect(issuer.requests).not.toContain('/jwks')
  })

  it(`${verifies('P15')} may be at the second place while the first has another issuer’s`, async () => {
    const issuer = await TestIssuer.start()
    issuer.metadataPath = OPENID
    issuer.instead = (path, response) =>
      path === RFC_8414 && reply(response, { ...issuer.metadata(), issuer: 'https://evil.example' })
    await check(createIssuerKeys(issuer.identifier), issuer.key)
  })

  it(`${verifies('P15')} may not name keys on another origin over plain HTTP`, async () => {
    const [issuer, other] = [await TestIssuer.start(), await TestIssuer.start()]
    issuer.instead = (path, response) =>
      path.startsWith('/.well-known/') && reply(response, { ...issuer.metadata(), jwks_uri: `${other.origin}/jwks` })
    await expectUnavailable(check(createIssuerKeys(issuer.identifier), other.key))
    expect(other.requests).toEqual([])
  })

  it(`${verifies('P15')} may name keys on another origin over HTTPS`, async () => {
    const issuer = await TestIssuer.start()
    const address = 'https://keys.example.com/jwks'
    issuer.instead = (path, response) =>
      path.startsWith('/.well-known/') && reply(response, { ...issuer.metadata(), jwks_uri: address })
    const realFetch = fetch
    const fetched = vi.spyOn(globalThis, 'fetch').mockImplementation((url, options) => {
      if (String(url) !== address) return realFetch(url, options)
      return Promise.resolve(Response.json({ keys: [issuer.key.publicJwk] }))
    })
    try {
      await check(createIssuerKeys(issuer.identifier), issuer.key)
    } finally {
      fetched.mockRestore()
    }
  })

  it(`${verifies('P15')} is asked for again after a failure`, async () => {
    const clock = stopClock()
    const issuer = await TestIssuer.start()
    const keys = createIssuerKeys(issuer.identifier)
    issuer.instead = (_, response) => reply(response, {}, 500)
    await expectUnavailable(check(keys, issuer.key))
    issuer.instead = () => false
    clock.advance(1_001)
    await check(keys, issuer.key)
  })
})

describe('an answer of the issuer', () => {
  it.each(['metadata', 'keys'])(`${verifies('P15')} that redirects is not followed: %s`, async what => {
    const [issuer, other] = [await TestIssuer.start(), await TestIssuer.start()]
    issuer.instead = (path, response) =>
      (path === '/jwks') === (what === 'keys') &&
      reply(response, '', what === 'keys' ? 307 : 302, { Location: `${other.origin}${path}` })
    await expectUnavailable(check(createIssuerKeys(issuer.identifier), other.key))
    expect(other.requests).toEqual([])
  })

  it.each(['metadata', 'keys'])(`${verifies('P16')} without an end is read to its limit only: %s`, async what => {
    const issuer = await TestIssuer.start()
    const closed = vi.fn()
    issuer.instead = (path, response) => {
      if ((path === '/jwks') !== (what === 'keys')) return false
      response.once('close', closed)
      response.writeHead(200, { 'Content-Type': 'application/json' })
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(16_384)));
      }
      response.on('drain', more)
      more()
      return true
    }
    const cause = await expectUnavailable(check(createIssuerKeys(issuer.identifier), issuer.key))
    expect(cause.message).toBe(`the issuer’s answer is over ${MAX_BYTES} bytes`)
    await soon(() => closed.mock.calls.length).toBe(1)
  })

  it.each([
    [RFC_8414, (issuer: TestIssuer) => issuer.metadata()],
    ['/jwks', (issuer: TestIssuer) => ({ keys: [issuer.key.publicJwk] })],
  ])(`${verifies('P16')} may have 256 kibibytes, and not one more: %s`, async (place, body) => {
    for (const bytes of [MAX_BYTES, MAX_BYTES + 1]) {
      const issuer = await TestIssuer.start()
      issuer.instead = (path, response) =>
        path === place && reply(response, JSON.stringify(body(issuer)).padEnd(bytes, ' '))
      const checking = check(createIssuerKeys(issuer.identifier), issuer.key)
      if (bytes === MAX_BYTES) await checking
      else await expectUnavailable(checking)
    }
  })

  it(`${verifies('P16')} is waited for five seconds and no longer`, async () => {
    const issuer = await TestIssuer.start()
    issuer.instead = () => true
    const after = AbortSignal.timeout.bind(AbortSignal)
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => after(30))
    try {
      const cause = await expectUnavailable(check(createIssuerKeys(issuer.identifier), issuer.key))
      expect(cause.name).toBe('TimeoutError')
      expect(timeout.mock.calls).toEqual([[5_000]])
    } finally {
      timeout.mockRestore()
    }
  })

  it.each<[string, unknown, number]>([
    ['an error', {}, 500],
    ['keys that are no list', { keys: 'none' }, 200],
    ['no object', [], 200],
    ['a list of texts', { keys: ['none'] }, 200],
    ['a page', '<html>', 200],
  ])(`${verifies('P15')} that has %s for keys lets nobody in`, async (_, body, status) => {
    stopClock()
    const issuer = await TestIssuer.start()
    const keys = createIssuerKeys(issuer.identifier)
    issuer.instead = (path, response) => path === '/jwks' && reply(response, body, status)
    for (let count = 0; count < 5; count += 1) await expectUnavailable(check(keys, issuer.key))
    // The failure counts as the answer for a second.
    expect(issuer.requests).toEqual([RFC_8414, '/jwks'])
  })
})
