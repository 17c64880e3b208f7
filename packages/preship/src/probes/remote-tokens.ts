import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import type { Finding, Kind, Result } from '../finding.ts'
import type { Door } from './probe.ts'
import { claimsOf } from './remote-door.ts'
import { knock, walkPast } from './remote-request.ts'

export const TOKEN_KINDS = {
  TOKEN_ACCEPTED: {
    item: 8,
    severity: 'error',
    title: 'a token that nobody issued is accepted',
    why: 'Anybody can write such a token, with any name and any scope in it.',
    narrow:
      'Verify the signature against the issuer’s keys, with a fixed list of algorithms, and issuer, audience, type and expiry.',
  },
  FOREIGN_TOKEN_ACCEPTED: {
    item: 8,
    severity: 'error',
    title: 'a token for another server is accepted',
    why: 'Every other service that people of the same provider use can act as them here, with the token that it got from them.',
    narrow: 'Check that aud names this server, whole.',
  },
  TOKEN_NOT_401: {
    item: 8,
    severity: 'warning',
    title: 'a bad token is not answered with 401',
    why: 'A client does not learn that it needs a new one; a server that fails at a bad token may fail open elsewhere.',
    narrow: 'Answer 401 with error="invalid_token" to whatever is no good token.',
  },
} as const satisfies Record<string, Kind>

/** Shows a remote server tokens that it must not take. */
export async function tokensProbe(door: Door): Promise<Result> {
  const findings: Finding[] = []
  // Where nobody is asked for a token, none is too bad.
  if ((await knock(door)).entry === 'let in') return { findings, evidence: [] }
  const odd: string[] = []
  let tried = 0
  for (const [what, headers, query] of await badTokens(door)) {
    const url = new URL(door.url)
    if (query !== undefined) url.searchParams.set('access_token', query)
    const { entry, reply } = await knock({ ...door, url }, headers)
    tried += 1
    if (entry === 'let in' || (await walkPast({ ...door, url }, headers)) !== undefined)
      findings.push({ code: 'TOKEN_ACCEPTED', message: `${what} was let in` })
    else if (reply.status !== 401 && reply.status !== 400) odd.push(`${what}: HTTP ${reply.status}`)
  }
  if (odd.length > 0) findings.push({ code: 'TOKEN_NOT_401', message: odd.slice(0, 3).join('; ') })
  const evidence = findings.length === 0 ? [{ item: 8 as const, text: `${tried} bad tokens were refused` }] : []
  if (door.foreignToken === undefined) return { findings, evidence }
  const foreign = { Authorization: `Bearer ${door.foreignToken}` }
  const { entry } = await knock(door, foreign)
  if (entry === 'let in' || (await walkPast(door, foreign)) !== undefined)
    findings.push({ code: 'FOREIGN_TOKEN_ACCEPTED', message: 'a good token for another server was let in' })
  else evidence.push({ item: 8, text: 'a good token for another server was refused' })
  return { findings, evidence }
}

async function badTokens(door: Door): Promise<[string, Record<string, string>, string?][]> {
  const { issuer, audience } = await claimsOf(door)
  const now = Math.floor(Date.now() / 1000)
  const good = {
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
  const none = jwt({ alg: 'none', typ }, good, () => '')
  return [
    ['a word that is no token', bearer('preship')],
    ['an empty token', { Authorization: 'Bearer ' }],
    ['a name and a password', { Authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` }],
    ['a token that is not signed (alg: none)', bearer(none)],
    ['a token that is not signed (alg: nOnE)', bearer(jwt({ alg: 'nOnE', typ }, good, () => ''))],
    ['a token signed with the word “secret”', bearer(jwt({ alg: 'HS256', typ }, good, hs256))],
    ['a token that we signed ourselves', bearer(jwt({ alg: 'ES256', typ, kid: 'preship' }, good, es256))],
    ['a token that brings its own key', bearer(jwt({ alg: 'ES256', typ, jwk }, good, es256))],
    [
      'a token of ours that has expired, for somebody else',
      bearer(jwt({ alg: 'ES256', typ }, { ...good, aud: 'https://preship.invalid', exp: now - 300 }, es256)),
    ],
    ['a token of 12 000 characters', bearer(`${none}${'A'.repeat(12_000)}`)],
    ['a token in the address', {}, none],
  ]
}

function jwt(header: object, payload: object, signatureOf: (input: string) => string): string {
  const input = [header, payload].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${signatureOf(input)}`
}
