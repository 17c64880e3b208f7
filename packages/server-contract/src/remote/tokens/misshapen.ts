import { CompactEncrypt } from 'jose'
import type { BadToken } from './bad-token.ts'
import { encoded, type Forge } from './forge.ts'

/** Not an access token at all, or none of a kind that is accepted here. */
export const MISSHAPEN: readonly BadToken[] = [
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
  ].map((typ): BadToken => [`the type ${JSON.stringify(typ)}`, forge => forge.ours({ header: { typ } })]),
  [
    'an ID token',
    forge => forge.ours({ header: { typ: 'JWT' }, claims: { aud: 'contract-client', nonce: 'n', scope: undefined } }),
  ],
  ['an extension that nobody knows', f => f.signed({ ...f.header, crit: ['new'], new: true }, f.claims)],
  ['an extension that is not there', f => f.signed({ ...f.header, crit: ['exp'] }, f.claims)],
  ['an empty list of extensions', f => f.signed({ ...f.header, crit: [] }, f.claims)],
  ['a payload as it is: b64 is false', f => f.signed({ ...f.header, crit: ['b64'], b64: false }, f.claims)],
  ['a token in a token', f => f.signed({ ...f.header, cty: 'JWT' }, f.signed(f.header, f.claims))],
  ['a list for a payload', f => f.signed(f.header, JSON.stringify([f.claims]))],
  ['null for a payload', f => f.signed(f.header, 'null')],
  ['a payload that is no JSON', f => f.signed(f.header, 'sub=ada&scope=all')],
  ['a payload that is no UTF-8', f => f.signed(f.header, Buffer.from([0x7b, 0xff, 0x7d]))],
  ['an empty payload', f => f.signed(f.header, '')],
  ['a header that is no JSON', f => f.signed('ES256', f.claims)],
  ['a list for a header', f => f.signed(JSON.stringify([f.header]), f.claims)],
  ['its claims in its header alone', f => f.signed({ ...f.header, ...f.claims }, {})],
  ['two parts', f => f.parts().slice(0, 2).join('.')],
  ['four parts', f => `${f.parts().join('.')}.${encoded('more')}`],
  ['five parts, encrypted', encrypted],
  ['one part', f => f.parts()[1]],
  ['dots alone', () => '..'],
  ['padding behind its signature', f => `${f.parts().join('.')}==`],
  ['padding behind each part', f => f.parts().join('=.')],
  ['a signature in another base64', f => respelled(f, /[-_]/, text => text.replaceAll('-', '+').replaceAll('_', '/'))],
  [
    'a character in its signature that decoders skip',
    f => respelled(f, /./, text => `${text.slice(0, 9)}~${text.slice(9)}`),
  ],
  ['a dot at its end', f => `${f.parts().join('.')}.`],
  ['a dot at its beginning', f => `.${f.parts().join('.')}`],
  ['the JSON form, encoded', f => encoded({ payload: f.parts()[1], protected: f.parts()[0], signature: f.parts()[2] })],
  ['sixty-four thousand characters', f => f.ours({ claims: { padding: 'x'.repeat(48_000) } })],
  ['more characters than a token may have', f => f.ours({ claims: { padding: 'x'.repeat(6_200) } })],
  ['the word of nobody', () => 'null'],
  ['an opaque token', () => 'mF_9.B5f-4.1JqM'.replaceAll('.', '')],
]

async function encrypted(forge: Forge): Promise<string> {
  return await new CompactEncrypt(Buffer.from(forge.signed(forge.header, forge.claims)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'at+jwt', cty: 'JWT' })
    .encrypt(new Uint8Array(32))
}

/** A good token whose signature says the same, to a decoder that is kind. */
function respelled(forge: Forge, has: RegExp, spell: (signature: string) => string): string {
  for (;;) {
    const [header, payload, signature] = forge.parts()
    if (has.test(signature)) return `${header}.${payload}.${spell(signature)}`
  }
}
