import { KeyObject } from 'node:crypto'
import { newKey } from '../token-issuer.ts'
import type { BadToken } from './bad-token.ts'
import { compact, encoded } from './token-forger.ts'

const NOTHING = Buffer.alloc(0)

/** Key ids that lead to another key if a program uses them for anything but a comparison. */
const KEY_NAMES: Readonly<Record<string, unknown>> = {
  'a path': '../../../../etc/passwd',
  'a device': '/dev/null',
  'a database': "key-1' UNION SELECT 'secret' --",
  'a null character': 'key-1\0',
  'a prototype': '__proto__',
  '4,096 letters': 'k'.repeat(4096),
  'an unknown key': 'key-of-nobody',
  'an empty string': '',
  'a number': 1,
  'a list': ['key-1'],
  'an object': { kid: 'key-1' },
}

/** Tokens that our issuer did not sign, or whose signature does not match. */
export const FORGED: readonly BadToken[] = [
  ...['none', 'None', 'NONE', 'nOnE', 'none ', '', null, undefined, ['ES256'], 'es256', 'ES256K', 'HS256'].flatMap(
    (alg): BadToken[] => [
      [
        `the algorithm ${JSON.stringify(alg)} and no signature`,
        f => compact({ ...f.header, alg }, f.claims, () => NOTHING),
      ],
      [
        `the algorithm ${JSON.stringify(alg)} and a signature of ES256`,
        f => f.signed(JSON.parse(JSON.stringify({ ...f.header, alg })), f.claims),
      ],
    ],
  ),
  ...(['HS256', 'HS384', 'HS512'] as const).flatMap(alg =>
    (['pem', 'trimmed pem', 'der', 'jwk', 'jwk x'] as const).map(
      (format): BadToken => [`the public key as a secret: ${alg}, ${format}`, forger => forger.confused(alg, format)],
    ),
  ),
  ['an HMAC with an empty secret', f => compact({ ...f.header, alg: 'HS256' }, f.claims, () => Buffer.alloc(32))],
  ['no signature', f => f.parts().slice(0, 2).join('.')],
  ['an empty signature', f => `${f.parts().slice(0, 2).join('.')}.`],
  ['a truncated signature', f => f.parts().join('.').slice(0, -4)],
  ['a signature with an extra byte', f => compactWith(f.parts(), bytes => Buffer.concat([bytes, Buffer.of(0)]))],
  ['a signature with one bit flipped', f => compactWith(f.parts(), bytes => flipped(bytes))],
  ['a signature of zeros: r = s = 0', f => compactWith(f.parts(), () => Buffer.alloc(64))],
  ['a signature of 0xff bytes', f => compactWith(f.parts(), () => Buffer.alloc(64, 0xff))],
  [
    'the signature of another token',
    f => [...f.parts().slice(0, 2), f.signed(f.header, { ...f.claims, sub: 'bob' }).split('.')[2]].join('.'),
  ],
  ['a subject that was changed after the signature', f => swapped(f.parts(), encoded({ ...f.claims, sub: 'root' }))],
  ['a scope that was changed after the signature', f => swapped(f.parts(), encoded({ ...f.claims, scope: 'admin' }))],
  ['a key of the attacker with the id of our key', f => f.theirs({ claims: { iss: f.issuer.url } })],
  ['a valid token of the attacker’s issuer', f => f.theirs()],
  ['a key that our issuer has not published', async f => f.ours({ key: await newKey('key-unpublished') })],
  ['a key for encryption', f => f.ours({ key: f.encryptionKey })],
  ['an algorithm of another key type', f => f.signed({ ...f.header, alg: 'RS256' }, f.claims)],
  ['an algorithm of another curve', f => f.signed({ ...f.header, alg: 'ES384' }, f.claims)],
  [
    'its own key in the header',
    f => f.theirs({ header: { jwk: f.attacker.currentKey.publicJwk }, claims: { iss: f.issuer.url } }),
  ],
  [
    'its own key in the header, without a key id',
    f => f.theirs({ header: { jwk: f.attacker.currentKey.publicJwk, kid: undefined }, claims: { iss: f.issuer.url } }),
  ],
  ...['jku', 'x5u', 'kid', 'iss', 'url'].map(
    (name): BadToken => [
      `the URL of the attacker’s keys in ${name}`,
      f => f.theirs({ header: { [name]: `${f.attacker.url}/jwks` }, claims: { iss: f.issuer.url } }),
    ],
  ),
  [
    'its own certificate in the header',
    f =>
      f.theirs({ header: { x5c: [certificateOf(f.attacker.currentKey.privateKey)] }, claims: { iss: f.issuer.url } }),
  ],
  ...Object.entries(KEY_NAMES).map(
    ([what, kid]): BadToken => [
      `a key id that is ${what}`,
      f => f.theirs({ header: { kid }, claims: { iss: f.issuer.url } }),
    ],
  ),
]

function compactWith([header, payload, signature]: readonly string[], change: (bytes: Buffer) => Buffer): string {
  return `${header}.${payload}.${change(Buffer.from(String(signature), 'base64url')).toString('base64url')}`
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(10) ^ 1, 10)
  return copy
}

function swapped([header, , signature]: readonly string[], payload: string): string {
  return `${header}.${payload}.${signature}`
}

/** The attacker's key in place of a certificate. */
function certificateOf(privateKey: Parameters<typeof KeyObject.from>[0]): string {
  return KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'der' }).toString('base64')
}
