import { describe, expect, it, vi } from 'vitest'
import { incoming } from '../../test/remote/incoming.ts'
import { type AdmissionOptions, createAdmission, Refusal, unknownCaller } from './admission.ts'
import { IssuerUnavailableError } from './issuer-keys.ts'
import { describeResource } from './protected-resource.ts'
import { TokenRefusedError, type VerifyToken } from './token-verifier.ts'

const HOSTS = ['mcp.example.com', '127.0.0.1:8080', '[::1]:8080']
const ORIGINS = ['https://mcp.example.com', 'http://127.0.0.1:8080']
const resource = describeResource({
  url: 'https://mcp.example.com/mcp',
  issuer: 'https://idp.example.com',
  name: 'test-server',
  tools: [
    { effect: 'read', scope: 'notes:read' },
    { effect: 'irreversible', scope: 'notes:write' },
  ],
})

type Headers = readonly (readonly [string, string])[]

function admission(oauth?: AdmissionOptions['oauth']) {
  return createAdmission({ hosts: HOSTS, origins: ORIGINS, oauth })
}

function refusalOf(work: () => unknown): Refusal {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('Host and Origin', () => {
  const check = (headers: Headers): void => admission().checkHostAndOrigin(incoming({ headers }))
  const GOOD_HOST = ['Host', 'mcp.example.com'] as const
  const GOOD_ORIGIN = ['Origin', 'https://mcp.example.com'] as const

  it.each([
    'mcp.example.com',
    'MCP.Example.COM',
    'mcp.example.com:443',
    'mcp.example.com:1',
    'mcp.example.com:65535',
    '127.0.0.1:8080',
    '[::1]:8080',
  ])(`${verifies('P15')} pass with the Host %s`, host => {
    expect(() => check([['Host', host]])).not.toThrow()
    expect(() => check([['Host', host], GOOD_ORIGIN])).not.toThrow()
  })

  it.each([
    '',
    'evil.example',
    'mcp.example.com.evil.example',
    'evil.mcp.example.com',
    'xmcp.example.com',
    'mcp.example.com.',
    'mcp.example.com:',
    'mcp.example.com:-1',
    'mcp.example.com:65536',
    'mcp.example.com:123456',
    'mcp.example.com:443:443',
    'mcp.example.com:a',
    'mcp.example.com/',
    'mcp.example.com@evil.example',
    'evil.example@mcp.example.com',
    'http://mcp.example.com',
    '127.0.0.1',
    '127.0.0.1:8081',
    '127.0.0.1:8080:443',
    'localhost:8080',
    '[::1]',
  ])(`${verifies('P15')} are refused with the Host %j, whatever the Origin`, host => {
    for (const others of [[], [GOOD_ORIGIN]])
      expect(refusalOf(() => check([['Host', host], ...others]))).toMatchObject({
        status: 403,
        code: 'FORBIDDEN',
        headers: {},
      })
  })

  it(`${verifies('P15')} are refused without a Host, or with two of them, even the same`, () => {
    for (const headers of [
      [],
      [GOOD_HOST, GOOD_HOST],
      [GOOD_HOST, ['Host', 'evil.example']],
      [['Host', 'evil.example'], GOOD_HOST],
    ] as Headers[])
      expect(refusalOf(() => check(headers)).status).toBe(403)
  })

  it.each(ORIGINS)(`${verifies('P15')} pass with the Origin %s`, origin => {
    expect(() => check([GOOD_HOST, ['Origin', origin]])).not.toThrow()
  })

  it.each([
    '',
    'null',
    '*',
    'https://evil.example',
    'http://mcp.example.com',
    'https://mcp.example.com:443',
    'https://mcp.example.com/',
    'https://MCP.example.com',
    'https://mcp.example.com.evil.example',
    'http://127.0.0.1:8081',
    'http://127.0.0.1',
    'mcp.example.com',
  ])(`${verifies('P15')} are refused with the Origin %j, although the Host is right`, origin => {
    expect(refusalOf(() => check([GOOD_HOST, ['Origin', origin]]))).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
      headers: {},
    })
  })

  it(`${verifies('P15')} are refused with two Origins, even the same`, () => {
    for (const other of ['https://mcp.example.com', 'https://evil.example'])
      for (const origins of [
        [GOOD_ORIGIN, ['Origin', other]],
        [['Origin', other], GOOD_ORIGIN],
      ] as Headers[])
        expect(refusalOf(() => check([GOOD_HOST, ...origins])).status).toBe(403)
  })

  it(`${verifies('P15')} are not taken from a forwarding header`, () => {
    const claims = [
      ['X-Forwarded-Host', 'mcp.example.com'],
      ['Forwarded', 'host=mcp.example.com'],
    ] as const
    expect(refusalOf(() => check([['Host', 'evil.example'], ...claims])).status).toBe(403)
  })

  it(`${verifies('P7', 'P15')} are refused if the caller has disconnected, so that its address is unknown`, () => {
    const request = incoming({ headers: [GOOD_HOST], address: null })
    expect(refusalOf(() => admission().checkHostAndOrigin(request))).toMatchObject({ status: 400, code: 'CANCELLED' })
  })
})

describe('admission without OAuth', () => {
  it(`${verifies('P15')} knows nobody, and asks for no token`, async () => {
    for (const headers of [[], [['Authorization', 'Bearer abc']]] as Headers[])
      expect(await admission().admit(incoming({ headers, address: '127.0.0.1' }))).toEqual({
        caller: { kind: 'os', id: 'unverified', host: '127.0.0.1' },
        scopes: undefined,
      })
  })

  it.each(['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP'])(
    `${verifies('P15')} refuses a request that a proxy forwards: %s`,
    async name => {
      const admitting = admission().admit(incoming({ headers: [[name, '192.0.2.1']] }))
      await expect(admitting).rejects.toMatchObject({ name: 'Refusal', status: 403, code: 'FORBIDDEN' })
    },
  )
})

describe('admission with OAuth', () => {
  const ada = { sub: 'ada', clientId: 'app', scopes: new Set(['notes:read']) }
  const admit = async (verify: VerifyToken, headers: Headers, url = '/mcp') =>
    await admission({ verify, resource }).admit(incoming({ headers, url }))
  const refusal = async (verify: VerifyToken, headers: Headers, url?: string): Promise<Refusal> => {
    const error = await admit(verify, headers, url).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(Refusal)
    return error as Refusal
  }
  const TOKEN = ['Authorization', 'Bearer abc'] as const
  const MODERN = ['Mcp-Method', 'tools/list'] as const

  it(`${verifies('P15')} takes caller and scopes from the token, and the address from the connection`, async () => {
    const verify = vi.fn(async () => ada)
    const headers = [TOKEN, ['X-Forwarded-For', '198.51.100.1'], ['X-Real-IP', '198.51.100.1']] as const
    expect(await admit(verify, headers)).toEqual({
      caller: { kind: 'oauth', id: 'ada', host: '192.0.2.7', clientId: 'app' },
      scopes: ada.scopes,
    })
    expect(verify.mock.calls).toEqual([['abc']])
  })

  it(`${verifies('P15')} asks for a token if there is none, without calling it invalid`, async () => {
    const verify = vi.fn(async () => ada)
    for (const [headers, canStepUp] of [
      [[], false],
      [[MODERN], true],
    ] as const)
      expect(await refusal(verify, headers)).toMatchObject({
        status: 401,
        code: 'FORBIDDEN',
        message: 'an access token is needed',
        headers: { 'WWW-Authenticate': resource.unauthorised(canStepUp) },
      })
    expect(verify).not.toHaveBeenCalled()
  })

  it(`${verifies('P15')} says why it refuses a token`, async () => {
    const verify = async (): Promise<never> => {
      throw new TokenRefusedError('the token has expired')
    }
    for (const [headers, canStepUp] of [
      [[TOKEN], false],
      [[TOKEN, MODERN], true],
    ] as const) {
      const refused = await refusal(verify, headers)
      expect(refused).toMatchObject({
        status: 401,
        code: 'FORBIDDEN',
        message: 'the access token is refused: the token has expired',
        headers: { 'WWW-Authenticate': resource.unauthorised(canStepUp, 'the token has expired') },
      })
      // A bad token is no news for the operator.
      expect(refused.cause).toBeUndefined()
    }
  })

  it(`${verifies('P15')} refuses a token that is in the wrong place, before it is checked`, async () => {
    const verify = vi.fn(async () => ada)
    for (const [headers, url] of [
      [[TOKEN], '/mcp?access_token=abc'],
      [[TOKEN, TOKEN], '/mcp'],
      [[['Authorization', 'Basic abc']], '/mcp'],
    ] as const) {
      const refused = await refusal(verify, headers, url)
      expect(refused.status).toBe(401)
      expect(refused.headers['WWW-Authenticate']).toContain('error="invalid_token"')
    }
    expect(verify).not.toHaveBeenCalled()
  })

  it(`${verifies('P15')} answers 503 while the issuer’s keys are not available, and keeps the cause for the operator`, async () => {
    const fault = new IssuerUnavailableError('the issuer’s keys cannot be had', { cause: new Error('ECONNREFUSED') })
    const refused = await refusal(() => Promise.reject(fault), [TOKEN])
    expect(refused).toMatchObject({ status: 503, code: 'BACKEND_UNAVAILABLE', headers: { 'Retry-After': '5' } })
    expect(refused.cause).toBe(fault)
    expect(refused.message).not.toContain('ECONNREFUSED')
    expect(refused.headers).not.toHaveProperty('WWW-Authenticate')
  })

  it(`${verifies('P15')} does not turn any other error into a refusal`, async () => {
    const fault = new TypeError('a bug')
    await expect(admit(() => Promise.reject(fault), [TOKEN])).rejects.toBe(fault)
  })
})

describe('a caller who is not known', () => {
  it(`${verifies('P15')} has an address and no name`, () => {
    expect(unknownCaller(incoming())).toEqual({ kind: 'oauth', id: '', host: '192.0.2.7' })
    expect(unknownCaller(incoming({ address: null }))).toEqual({ kind: 'oauth', id: '', host: 'gone' })
  })
})
