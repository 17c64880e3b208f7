import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import type { Finding, Kind, Result } from '../finding.ts'
import type { RemoteEndpoint } from './probe.ts'
import { claimsOf } from './remote-authorization.ts'
import { callWithoutHandshake, handshake } from './remote-request.ts'

export const TOKEN_KINDS = {
  TOKEN_ACCEPTED: {
    item: 8,
    severity: 'error',
    title: 'Forged access token is accepted',
    why: 'Anyone can create such a token, with any subject and any scope.',
    narrow:
      'Verify the signature with the issuer’s keys and a fixed list of algorithms, and check issuer, audience, type and expiry.',
  },
  FOREIGN_TOKEN_ACCEPTED: {
    item: 8,
    severity: 'error',
    title: 'Token with another audience is accepted',
    why: 'Any other service that receives tokens of the same provider can use them here and act as their users (confused deputy).',
    narrow: 'Check that the aud claim names exactly this server.',
  },
  TOKEN_NOT_401: {
    item: 8,
    severity: 'warning',
    title: 'Invalid token is not answered with 401',
    why: 'A client does not learn that it needs a new token. An unexpected error may also mean that other checks fail open.',
    narrow: 'Answer 401 with error="invalid_token" to every invalid token.',
  },
} as const satisfies Record<string, Kind>

/** Sends tokens that the server must reject. */
export async function tokensProbe(endpoint: RemoteEndpoint): Promise<Result> {
  const findings: Finding[] = []
  // If no token is required, rejecting bad ones cannot be tested.
  if ((await handshake(endpoint)).access === 'granted') return { findings, evidence: [] }
  const unexpected: string[] = []
  let tried = 0
  for (const [what, headers, query] of await badTokens(endpoint)) {
    const url = new URL(endpoint.url)
    if (query !== undefined) url.searchParams.set('access_token', query)
    const { access, reply } = await handshake({ ...endpoint, url }, headers)
    tried += 1
    if (access === 'granted' || (await callWithoutHandshake({ ...endpoint, url }, headers)) !== undefined)
      findings.push({ code: 'TOKEN_ACCEPTED', message: `${what} was accepted` })
    else if (reply.status !== 401 && reply.status !== 400) unexpected.push(`${what}: HTTP ${reply.status}`)
  }
  if (unexpected.length > 0) findings.push({ code: 'TOKEN_NOT_401', message: unexpected.slice(0, 3).join('; ') })
  const evidence = findings.length === 0 ? [{ item: 8 as const, text: `${tried} invalid tokens were refused` }] : []
  if (endpoint.foreignToken === undefined) return { findings, evidence }
  const foreign = { Authorization: `Bearer ${endpoint.foreignToken}` }
  const { access } = await handshake(endpoint, foreign)
  if (access === 'granted' || (await callWithoutHandshake(endpoint, foreign)) !== undefined)
    findings.push({ code: 'FOREIGN_TOKEN_ACCEPTED', message: 'a valid token for another server was accepted' })
  else evidence.push({ item: 8, text: 'a valid token for another server was refused' })
  return { findings, evidence }
}

async function badTokens(endpoint: RemoteEndpoint): Promise<[string, Record<string, string>, string?][]> {
  const { issuer, audience } = await claimsOf(endpoint)
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    aud: audience,
    sub: 'preship',
    client_id: 'preship',
    jti: 'preship',
    scope: '',
    iat: now,
    exp: now + 300,
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const es256 = (input: string): string =>
    sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  const hs256 = (input: string): string => createHmac('sha256', 'secret').update(input).digest('base64url')
  const jwk = publicKey.export({ format: 'jwk' })
  const typ = 'at+jwt'
  const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` })
  const none = jwt({ alg: 'none', typ }, claims, () => '')
  return [
    ['a string that is not a token', bearer('preship')],
    ['an empty token', { Authorization: 'Bearer ' }],
    ['a user name and a password', { Authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` }],
    ['an unsigned token (alg: none)', bearer(none)],
    ['an unsigned token (alg: nOnE)', bearer(jwt({ alg: 'nOnE', typ }, claims, () => ''))],
    ['a token signed with the key “secret” (HS256)', bearer(jwt({ alg: 'HS256', typ }, claims, hs256))],
    ['a token signed with an unknown key', bearer(jwt({ alg: 'ES256', typ, kid: 'preship' }, claims, es256))],
    ['a token with its own key in the header', bearer(jwt({ alg: 'ES256', typ, jwk }, claims, es256))],
    [
      'an expired token with another audience, signed with an unknown key',
      bearer(jwt({ alg: 'ES256', typ }, { ...claims, aud: 'https://preship.invalid', exp: now - 300 }, es256)),
    ],
    ['a token of 12 000 characters', bearer(`${none}${'A'.repeat(12_000)}`)],
    ['an unsigned token in the query string', {}, none],
  ]
}

function jwt(header: object, payload: object, signatureOf: (input: string) => string): string {
  const input = [header, payload].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${signatureOf(input)}`
}
