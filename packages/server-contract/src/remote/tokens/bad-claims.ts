import { PUBLIC_URL } from '../remote-world.ts'
import type { BadToken } from './bad-token.ts'

type Claims = Readonly<Record<string, unknown>>

/** Signed by our issuer, every one; what they say is not for us, not now, or not what it should be. */
export const BAD_CLAIMS: readonly BadToken[] = [
  ...wrong({
    'the issuer with a slash behind it': ({ iss }) => ({ iss: `${iss}/` }),
    'an issuer that begins as ours does': ({ iss }) => ({ iss: `${iss}.evil.example` }),
    'an issuer that ours is the beginning of a path of': ({ iss }) => ({ iss: `${iss}/tenant` }),
    'an issuer that ends as ours does': ({ iss }) => ({ iss: `https://evil.example/?${iss}` }),
    'the issuer in upper case': ({ iss }) => ({ iss: String(iss).toUpperCase() }),
    'another issuer': () => ({ iss: 'https://evil.example' }),
    'no issuer': () => ({ iss: undefined }),
    'a list of issuers with ours': ({ iss }) => ({ iss: [iss] }),
    'an empty issuer': () => ({ iss: '' }),

    'another audience': () => ({ aud: 'https://evil.example/mcp' }),
    'the audience of another of our servers': () => ({ aud: 'https://crm.example.com/mcp' }),
    'an audience that is the beginning of ours': () => ({ aud: PUBLIC_URL.slice(0, -1) }),
    'an audience that is the origin of ours': () => ({ aud: new URL(PUBLIC_URL).origin }),
    'an audience that begins as ours does': () => ({ aud: `${PUBLIC_URL}/x` }),
    'the audience with a slash behind it': () => ({ aud: `${PUBLIC_URL}/` }),
    'the audience in upper case': () => ({ aud: PUBLIC_URL.toUpperCase() }),
    'the audience with a query behind it': () => ({ aud: `${PUBLIC_URL}?` }),
    'a list of audiences without ours': () => ({ aud: ['https://evil.example/mcp', `${PUBLIC_URL}/x`] }),
    'an empty list of audiences': () => ({ aud: [] }),
    'a list within a list of audiences': () => ({ aud: [[PUBLIC_URL]] }),
    'audiences between spaces': () => ({ aud: `https://evil.example ${PUBLIC_URL}` }),
    'an object for an audience': () => ({ aud: { [PUBLIC_URL]: true } }),
    'no audience': () => ({ aud: undefined }),
    'ours as its resource, not as its audience': () => ({ aud: 'https://evil.example', resource: PUBLIC_URL }),

    'an end that is past': () => ({ exp: inSeconds(-60) }),
    'no end': () => ({ exp: undefined }),
    'an end in words': () => ({ exp: String(inSeconds(300)) }),
    'an end that is no number': () => ({ exp: null }),
    'a beginning in the future': () => ({ nbf: inSeconds(60) }),
    'a beginning in words': () => ({ nbf: 'now' }),
    'been issued in the future': () => ({ iat: inSeconds(60), exp: inSeconds(300) }),
    'been issued long ago': () => ({ iat: inSeconds(-25 * 3600), exp: inSeconds(300) }),
    'been issued long ago, to last for years': () => ({ iat: inSeconds(-25 * 3600), exp: inSeconds(10 * 365 * 86400) }),
    'not been issued at any time': () => ({ iat: undefined }),
    'been issued at a time in words': () => ({ iat: String(inSeconds(0)) }),

    'no subject': () => ({ sub: undefined }),
    'an empty subject': () => ({ sub: '' }),
    'a subject of no length that anybody has': () => ({ sub: 'a'.repeat(256) }),
    'a subject with a line break': () => ({ sub: 'ada\nroot' }),
    'a subject with a null character': () => ({ sub: 'ada\0' }),
    'a subject that reads backwards': () => ({ sub: 'ada\u202etoor' }),
    'a subject with an invisible space': () => ({ sub: 'a\u200bda' }),
    'a subject with a line separator': () => ({ sub: 'ada\u2028root' }),
    'a subject with half of a character': () => ({ sub: 'ada\ud800' }),
    'a number for a subject': () => ({ sub: 7 }),
    'a list for a subject': () => ({ sub: ['ada'] }),
    'no client': () => ({ client_id: undefined }),
    'an empty client': () => ({ client_id: '' }),
    'a client with a line break': () => ({ client_id: 'contract\nclient' }),
    'a list of clients': () => ({ client_id: ['contract-client'] }),
    'its client as azp alone': () => ({ client_id: undefined, azp: 'contract-client' }),
    'no id of its own': () => ({ jti: undefined }),
    'an empty id of its own': () => ({ jti: '' }),
    'a number for its id': () => ({ jti: 7 }),

    'no scope': () => ({ scope: undefined }),
    'a list of scopes': ({ scope }) => ({ scope: String(scope).split(' ') }),
    'a list of scopes as scp': ({ scope }) => ({ scope: undefined, scp: String(scope).split(' ') }),
    'its scopes as roles': ({ scope }) => ({ scope: undefined, roles: String(scope).split(' ') }),
    'scopes with two spaces between them': ({ scope }) => ({ scope: `openid  ${scope}` }),
    'a space before its scopes': ({ scope }) => ({ scope: ` ${scope}` }),
    'a space behind its scopes': ({ scope }) => ({ scope: `${scope} ` }),
    'scopes with a tab between them': ({ scope }) => ({ scope: `openid\t${scope}` }),
    'scopes with a line break between them': ({ scope }) => ({ scope: `openid\n${scope}` }),
    'scopes with a comma and a null character': ({ scope }) => ({ scope: `openid,${scope}\0` }),
    'scopes with a letter of another script': ({ scope }) => ({ scope: `${scope} tiсkets:write` }),
    'a quoted scope': ({ scope }) => ({ scope: `"${scope}"` }),
    'an object for a scope': ({ scope }) => ({ scope: { [String(scope)]: true } }),

    'been bound to a key by DPoP': () => ({ cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }),
    'been bound to a certificate': () => ({ cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } }),
    'been bound to nothing': () => ({ cnf: null }),
  }),
  ['an end at infinity', forge => forge.signed(forge.header, withExp(forge.claims, '1e400'))],
  ['an end beyond all times', forge => forge.signed(forge.header, withExp(forge.claims, '1e300'))],
]

function wrong(cases: Readonly<Record<string, (good: Claims) => Claims>>): BadToken[] {
  return Object.entries(cases).map(
    ([title, claims]): BadToken => [title, forge => forge.ours({ claims: claims(forge.claims) })],
  )
}

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

/** JSON has numbers that no program of ours would write. */
function withExp(claims: Claims, exp: string): string {
  return JSON.stringify(claims).replace(/"exp":\d+/, `"exp":${exp}`)
}
