import { describe, expect, it } from 'vitest'
import { incoming } from '../../test/remote/incoming.ts'
import { bearerToken, describeResource } from './protected-resource.ts'
import { TokenRefusedError } from './token-verifier.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
const TOOLS = [
  { effect: 'read', scope: 'notes:read' },
  { effect: 'read', scope: 'tags:read' },
  { effect: 'read', scope: 'notes:read' },
  { effect: 'irreversible', scope: 'notes:write' },
  { effect: 'reversible', scope: 'notes:write' },
] as const

const describeAt = (url: string) =>
  describeResource({ url, issuer: 'https://idp.example.com', name: 'test-server', tools: TOOLS })

describe('the description of the protected resource', () => {
  it(`${verifies('P15')} names the resource, the issuer, and each scope once (RFC 9728)`, () => {
    expect(describeAt('https://mcp.example.com/mcp').metadata).toEqual({
      resource: 'https://mcp.example.com/mcp',
      authorization_servers: ['https://idp.example.com'],
      scopes_supported: ['notes:read', 'tags:read', 'notes:write'],
      bearer_methods_supported: ['header'],
      resource_name: 'test-server',
    })
  })

  it.each([
    ['https://mcp.example.com/mcp', '/mcp'],
    ['https://mcp.example.com:8443/mcp', '/mcp'],
    ['https://mcp.example.com/notes/mcp', '/notes/mcp'],
    ['https://mcp.example.com', ''],
    ['https://mcp.example.com/', ''],
  ])('of %s is found at the well-known path, with its own path after it', (url, suffix) => {
    const { metadataPaths, metadata, unauthorised } = describeAt(url)
    expect(metadataPaths).toEqual(new Set([WELL_KNOWN, `${WELL_KNOWN}/mcp`, `${WELL_KNOWN}${suffix}`]))
    expect(metadata.resource).toBe(url)
    expect(unauthorised(true)).toContain(`resource_metadata="${new URL(url).origin}${WELL_KNOWN}${suffix}"`)
  })
})

describe('a challenge', () => {
  const resource = describeAt('https://mcp.example.com/mcp')
  const where = `resource_metadata="https://mcp.example.com${WELL_KNOWN}/mcp"`

  it(`${verifies('P15')} to a client that can step up asks for the scopes of the reading tools only`, () => {
    expect(resource.unauthorised(true)).toBe(`Bearer scope="notes:read tags:read", ${where}`)
  })

  it(`${verifies('P15')} to any other client asks for every scope`, () => {
    expect(resource.unauthorised(false)).toBe(`Bearer scope="notes:read tags:read notes:write", ${where}`)
  })

  it(`${verifies('P15')} to a bad token says what is wrong with it (RFC 6750)`, () => {
    expect(resource.unauthorised(true, 'the token has expired')).toBe(
      `Bearer error="invalid_token", error_description="the token has expired", scope="notes:read tags:read", ${where}`,
    )
  })

  it(`${verifies('P15')} for more scopes names each of them`, () => {
    expect(resource.insufficient(new Set(['notes:read', 'notes:write']))).toBe(
      `Bearer error="insufficient_scope", error_description="the token lacks a scope that this tool needs", scope="notes:read notes:write", ${where}`,
    )
  })
})

describe('the token of a request', () => {
  const tokenOf = (headers: readonly (readonly [string, string])[], url = '/mcp'): string | undefined =>
    bearerToken(incoming({ headers, url }))

  it.each(['Bearer abc', 'bearer abc', 'BEARER abc', 'Bearer   abc'])(`${verifies('P15')} is read from %j`, header => {
    expect(tokenOf([['Authorization', header]])).toBe('abc')
  })

  it('may have every character of the standard (RFC 6750, 2.1)', () => {
    expect(tokenOf([['Authorization', 'Bearer aZ09-._~+/==']])).toBe('aZ09-._~+/==')
  })

  it.each([[[]], [[['Cookie', 'access_token=abc']]], [[['Proxy-Authorization', 'Bearer abc']]]] as const)(
    `${verifies('P15')} is missing without an Authorization header: %j`,
    headers => {
      expect(tokenOf(headers)).toBeUndefined()
      expect(tokenOf(headers, '/mcp?token=abc&x=access_token')).toBeUndefined()
    },
  )

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'abc',
    'Basic abc',
    'DPoP abc',
    'Bearerabc',
    'Bearer\tabc',
    'Bearer: abc',
    'Bearer "abc"',
    'Bearer token="abc"',
    'Bearer abc def',
    'Bearer abc, Bearer def',
    'Bearer Bearer abc',
    'Bearer abcé',
    'Bearer ab=c',
    'Bearer =',
    'Bearer abc ',
    ' Bearer abc',
    'Bearer abc\n',
  ])(`${verifies('P15')} is refused in the Authorization header %j`, header => {
    expect(() => tokenOf([['Authorization', header]])).toThrow(
      new TokenRefusedError('the Authorization header holds no bearer token'),
    )
  })

  it(`${verifies('P15')} is refused if there is more than one Authorization header, even the same twice`, () => {
    for (const others of ['Bearer abc', 'Bearer def', 'Basic abc', ''])
      expect(() =>
        tokenOf([
          ['Authorization', 'Bearer abc'],
          ['Authorization', others],
        ]),
      ).toThrow(new TokenRefusedError('there is more than one Authorization header'))
  })

  it.each(['/mcp?access_token=abc', '/mcp?a=b&%61ccess_token=abc', '/mcp?access_token=', '/mcp?x&access_token'])(
    `${verifies('P15')} is refused in the URL, with or without a header: %s`,
    url => {
      const refusal = new TokenRefusedError('a token must not stand in the address')
      expect(() => tokenOf([], url)).toThrow(refusal)
      expect(() => tokenOf([['Authorization', 'Bearer abc']], url)).toThrow(refusal)
    },
  )
})
