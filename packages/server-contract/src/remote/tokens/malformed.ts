import { CompactEncrypt } from 'jose'
import type { BadToken } from './bad-token.ts'
import { encoded, type TokenForger } from './token-forger.ts'

/** Tokens that are malformed, or not access tokens. */
export const MALFORMED: readonly BadToken[] = [
  ...[
    'JWT',
    undefined,
    '',
    'at+jwt;x',
    'at+jwt, x',
    'xat+jwt',
    'at+jwtx',
    'text/at+jwt',
    'id+jwt',
    'dpop+jwt',
    'logout+jwt',
    ['at+jwt'],
    1,
  ].map((typ): BadToken => [`the type ${JSON.stringify(typ)}`, forger => forger.ours({ header: { typ } })]),
  [
    'an ID token',
    forger => forger.ours({ header: { typ: 'JWT' }, claims: { aud: 'contract-client', nonce: 'n', scope: undefined } }),
  ],
  ['an unknown critical extension', f => f.signed({ ...f.header, crit: ['new'], new: true }, f.claims)],
  ['a critical extension that is a claim', f => f.signed({ ...f.header, crit: ['exp'] }, f.claims)],
  ['an empty list of critical extensions', f => f.signed({ ...f.header, crit: [] }, f.claims)],
  ['an unencoded payload: b64 is false', f => f.signed({ ...f.header, crit: ['b64'], b64: false }, f.claims)],
  ['a nested token', f => f.signed({ ...f.header, cty: 'JWT' }, f.signed(f.header, f.claims))],
  ['a payload that is a list', f => f.signed(f.header, JSON.stringify([f.claims]))],
  ['a payload that is null', f => f.signed(f.header, 'null')],
  ['a payload that is not JSON', f => f.signed(f.header, 'sub=ada&scope=all')],
  ['a payload that is not UTF-8', f => f.signed(f.header, Buffer.from([0x7b, 0xff, 0x7d]))],
  ['an empty payload', f => f.signed(f.header, '')],
  ['a header that is not JSON', f => f.signed('ES256', f.claims)],
  ['a header that is a list', f => f.signed(JSON.stringify([f.header]), f.claims)],
  ['the claims in the header only', f => f.signed({ ...f.header, ...f.claims }, {})],
  ['two parts', f => f.parts().slice(0, 2).join('.')],
  ['four parts', f => `${f.parts().join('.')}.${encoded('more')}`],
  ['five parts, encrypted', encrypted],
  ['one part', f => f.parts()[1]],
  ['dots only', () => '..'],
  ['padding after the signature', f => `${f.parts().join('.')}==`],
  ['padding after each part', f => f.parts().join('=.')],
  [
    'a signature in base64 instead of base64url',
    f => respelled(f, /[-_]/, text => text.replaceAll('-', '+').replaceAll('_', '/')),
  ],
  [
    'a character in the signature that some decoders skip',
    f => respelled(f, /./, text => `${text.slice(0, 9)}~${text.slice(9)}`),
  ],
  ['a dot at the end', f => `${f.parts().join('.')}.`],
  ['a dot at the start', f => `.${f.parts().join('.')}`],
  ['the JSON form, encoded', f => encoded({ payload: f.parts()[1], protected: f.parts()[0], signature: f.parts()[2] })],
  ['more than 64,000 characters', f => f.ours({ claims: { padding: 'x'.repeat(48_000) } })],
  ['more characters than the limit', f => f.ours({ claims: { padding: 'x'.repeat(6_200) } })],
  ['the word null', () => 'null'],
  ['an opaque token', () => 'mF_9.B5f-4.1JqM'.replaceAll('.', '')],
]

async function encrypted(forger: TokenForger): Promise<string> {
  return await new CompactEncrypt(Buffer.from(forger.signed(forger.header, forger.claims)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'at+jwt', cty: 'JWT' })
    .encrypt(new Uint8Array(32))
}

/** A valid token whose signature is spelled in another way, which a lenient decoder accepts. */
function respelled(forger: TokenForger, has: RegExp, spell: (signature: string) => string): string {
  for (;;) {
    const [header, payload, signature] = forger.parts()
    if (has.test(signature)) return `${header}.${payload}.${spell(signature)}`
  }
}
