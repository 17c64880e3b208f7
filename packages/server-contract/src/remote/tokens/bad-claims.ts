import { PUBLIC_URL } from '../remote-world.ts'
import type { BadToken } from './bad-token.ts'

type Claims = Readonly<Record<string, unknown>>

/** Tokens that our issuer signed, with a claim that is missing, malformed, expired or for another server. */
export const BAD_CLAIMS: readonly BadToken[] = [
  ...wrong({
    'a slash after the issuer': ({ iss }) => ({ iss: `${iss}/` }),
    'an issuer that starts with ours': ({ iss }) => ({ iss: `${iss}.evil.example` }),
    'a path after our issuer': ({ iss }) => ({ iss: `${iss}/tenant` }),
    'an issuer that ends with ours': ({ iss }) => ({ iss: `https://evil.example/?${iss}` }),
    'the issuer in upper case': ({ iss }) => ({ iss: String(iss).toUpperCase() }),
    'another issuer': () => ({ iss: 'https://evil.example' }),
    'no issuer': () => ({ iss: undefined }),
    'a list that contains our issuer': ({ iss }) => ({ iss: [iss] }),
    'an empty issuer': () => ({ iss: '' }),

    'another audience': () => ({ aud: 'https://evil.example/mcp' }),
    'the audience of another of our servers': () => ({ aud: 'https://crm.example.com/mcp' }),
    'the audience without its last character': () => ({ aud: PUBLIC_URL.slice(0, -1) }),
    'the origin of our audience': () => ({ aud: new URL(PUBLIC_URL).origin }),
    'a path after our audience': () => ({ aud: `${PUBLIC_URL}/x` }),
    'a slash after our audience': () => ({ aud: `${PUBLIC_URL}/` }),
    'the audience in upper case': () => ({ aud: PUBLIC_URL.toUpperCase() }),
    'a query after our audience': () => ({ aud: `${PUBLIC_URL}?` }),
    'a list of audiences without ours': () => ({ aud: ['https://evil.example/mcp', `${PUBLIC_URL}/x`] }),
    'an empty list of audiences': () => ({ aud: [] }),
    'a nested list of audiences': () => ({ aud: [[PUBLIC_URL]] }),
    'audiences separated by spaces': () => ({ aud: `https://evil.example ${PUBLIC_URL}` }),
    'an audience that is an object': () => ({ aud: { [PUBLIC_URL]: true } }),
    'no audience': () => ({ aud: undefined }),
    'our audience as the resource, and another audience': () => ({ aud: 'https://evil.example', resource: PUBLIC_URL }),

    'an expiry in the past': () => ({ exp: inSeconds(-60) }),
    'no expiry': () => ({ exp: undefined }),
    'an expiry that is a string': () => ({ exp: String(inSeconds(300)) }),
    'an expiry that is null': () => ({ exp: null }),
    'a not-before time in the future': () => ({ nbf: inSeconds(60) }),
    'a not-before time that is a string': () => ({ nbf: 'now' }),
    'an issue time in the future': () => ({ iat: inSeconds(60), exp: inSeconds(300) }),
    'an issue time more than a day ago': () => ({ iat: inSeconds(-25 * 3600), exp: inSeconds(300) }),
    'an issue time more than a day ago, valid for years': () => ({
      iat: inSeconds(-25 * 3600),
      exp: inSeconds(10 * 365 * 86400),
    }),
    'no issue time': () => ({ iat: undefined }),
    'an issue time that is a string': () => ({ iat: String(inSeconds(0)) }),

    'no subject': () => ({ sub: undefined }),
    'an empty subject': () => ({ sub: '' }),
    'a subject of 256 characters': () => ({ sub: 'a'.repeat(256) }),
    'a subject with a line break': () => ({ sub: 'ada\nroot' }),
    'a subject with a null character': () => ({ sub: 'ada\0' }),
    'a subject with a right-to-left override': () => ({ sub: 'ada\u202etoor' }),
    'a subject with a zero-width space': () => ({ sub: 'a\u200bda' }),
    'a subject with a line separator': () => ({ sub: 'ada\u2028root' }),
    'a subject with half of a surrogate pair': () => ({ sub: 'ada\ud800' }),
    'a subject that is a number': () => ({ sub: 7 }),
    'a subject that is a list': () => ({ sub: ['ada'] }),
    'no client': () => ({ client_id: undefined }),
    'an empty client': () => ({ client_id: '' }),
    'a client with a line break': () => ({ client_id: 'contract\nclient' }),
    'a list of clients': () => ({ client_id: ['contract-client'] }),
    'the client in azp only': () => ({ client_id: undefined, azp: 'contract-client' }),
    'no token id': () => ({ jti: undefined }),
    'an empty token id': () => ({ jti: '' }),
    'a token id that is a number': () => ({ jti: 7 }),

    'no scope': () => ({ scope: undefined }),
    'a list of scopes': ({ scope }) => ({ scope: String(scope).split(' ') }),
    'a list of scopes in scp': ({ scope }) => ({ scope: undefined, scp: String(scope).split(' ') }),
    'the scopes in roles': ({ scope }) => ({ scope: undefined, roles: String(scope).split(' ') }),
    'two spaces between scopes': ({ scope }) => ({ scope: `openid  ${scope}` }),
    'a space before the scopes': ({ scope }) => ({ scope: ` ${scope}` }),
    'a space after the scopes': ({ scope }) => ({ scope: `${scope} ` }),
    'a tab between scopes': ({ scope }) => ({ scope: `openid\t${scope}` }),
    'a line break between scopes': ({ scope }) => ({ scope: `openid\n${scope}` }),
    'a comma and a null character in the scopes': ({ scope }) => ({ scope: `openid,${scope}\0` }),
    'a Cyrillic letter in a scope': ({ scope }) => ({ scope: `${scope} tiсkets:write` }),
    'a quoted scope': ({ scope }) => ({ scope: `"${scope}"` }),
    'a scope that is an object': ({ scope }) => ({ scope: { [String(scope)]: true } }),

    'a binding to a DPoP key': () => ({ cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }),
    'a binding to a certificate': () => ({ cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } }),
    'a binding that is null': () => ({ cnf: null }),
  }),
  ['an expiry of 1e400', forger => forger.signed(forger.header, withExp(forger.claims, '1e400'))],
  ['an expiry of 1e300', forger => forger.signed(forger.header, withExp(forger.claims, '1e300'))],
]

function wrong(cases: Readonly<Record<string, (good: Claims) => Claims>>): BadToken[] {
  return Object.entries(cases).map(
    ([title, claims]): BadToken => [title, forger => forger.ours({ claims: claims(forger.claims) })],
  )
}

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

/** JSON.stringify cannot write these numbers. */
function withExp(claims: Claims, exp: string): string {
  return JSON.stringify(claims).replace(/"exp":\d+/, `"exp":${exp}`)
}
