import { createHmac, createPublicKey, KeyObject, sign } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import { PUBLIC_URL } from '../remote-world.ts'
import type { SigningKey, TokenIssuer, TokenWishes } from '../token-issuer.ts'

/** A part of a token: an object, or any text or bytes. */
type Part = Readonly<Record<string, unknown>> | string | Buffer

/** Makes invalid tokens, with or without the key of our issuer. */
export class TokenForger {
  readonly issuer: TokenIssuer
  /** An issuer that the server does not trust. Its keys have the same ids as ours. */
  readonly attacker: TokenIssuer
  /** A key that our issuer publishes for encryption. */
  readonly encryptionKey: SigningKey
  readonly #scope: string

  constructor(issuer: TokenIssuer, attacker: TokenIssuer, encryptionKey: SigningKey, scope: string) {
    this.issuer = issuer
    this.attacker = attacker
    this.encryptionKey = encryptionKey
    this.#scope = scope
  }

  /** A token of our issuer for our server, except for the wishes. */
  async ours(wishes: TokenWishes = {}): Promise<string> {
    return await this.issuer.token(PUBLIC_URL, this.#scope, wishes)
  }

  /** A token of the attacker's issuer for our server. */
  async theirs(wishes: TokenWishes = {}): Promise<string> {
    return await this.attacker.token(PUBLIC_URL, this.#scope, wishes)
  }

  /** The claims of a valid token. */
  get claims(): Record<string, unknown> {
    return this.issuer.claims(PUBLIC_URL, this.#scope)
  }

  /** The header of a valid token. */
  get header(): Record<string, unknown> {
    const { alg, kid } = this.issuer.currentKey
    return { alg, kid, typ: 'at+jwt' }
  }

  /** Any header and payload, signed with the key of our issuer. */
  signed(header: Part, payload: Part, { privateKey }: SigningKey = this.issuer.currentKey): string {
    return compact(header, payload, data =>
      sign('sha256', data, { key: KeyObject.from(privateKey), dsaEncoding: 'ieee-p1363' }),
    )
  }

  /** The three parts of a valid token. */
  parts(): [header: string, payload: string, signature: string] {
    const [header = '', payload = '', signature = ''] = this.signed(this.header, this.claims).split('.')
    return [header, payload, signature]
  }

  /** A token that is signed with our public key as the HMAC secret. */
  confused(alg: 'HS256' | 'HS384' | 'HS512', format: 'pem' | 'trimmed pem' | 'der' | 'jwk' | 'jwk x'): string {
    const { publicJwk: jwk } = this.issuer.currentKey
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const pem = key.export({ type: 'spki', format: 'pem' }).toString()
    const secret = {
      pem,
      'trimmed pem': pem.trim(),
      der: key.export({ type: 'spki', format: 'der' }),
      jwk: JSON.stringify(jwk),
      'jwk x': Buffer.from(String(jwk.x), 'base64url'),
    }[format]
    return compact({ ...this.header, alg }, this.claims, data =>
      createHmac(`sha${alg.slice(2)}`, secret)
        .update(data)
        .digest(),
    )
  }
}

/** The compact form of a signed token. */
export function compact(header: Part, payload: Part, signer: (data: Buffer) => Buffer): string {
  const data = `${encoded(header)}.${encoded(payload)}`
  return `${data}.${signer(Buffer.from(data)).toString('base64url')}`
}

export function encoded(part: Part): string {
  const bytes = typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part)
  return Buffer.from(bytes).toString('base64url')
}

/** Creates a key with the use `enc`. */
export async function newEncryptionKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const names = { kid: 'for-encryption', alg: 'ES256' }
  return { ...names, privateKey, publicJwk: { ...(await exportJWK(publicKey)), ...names, use: 'enc' } }
}
