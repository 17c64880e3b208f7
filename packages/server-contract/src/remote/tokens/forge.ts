import { createHmac, createPublicKey, KeyObject, sign } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import { PUBLIC_URL } from '../remote-world.ts'
import type { SigningKey, TokenIssuer, TokenWishes } from '../token-issuer.ts'

/** A part of a token: an object, or text that need not be one. */
type Part = Readonly<Record<string, unknown>> | string | Buffer

/** Makes tokens that no good provider would make, with or without the key of one. */
export class Forge {
  readonly issuer: TokenIssuer
  /** An issuer of the attacker's own, whose keys have the names of ours. */
  readonly attacker: TokenIssuer
  /** Published by our issuer, but not for signatures. */
  readonly encryptionKey: SigningKey
  readonly #scope: string

  constructor(issuer: TokenIssuer, attacker: TokenIssuer, encryptionKey: SigningKey, scope: string) {
    this.issuer = issuer
    this.attacker = attacker
    this.encryptionKey = encryptionKey
    this.#scope = scope
  }

  /** A token for our server by our issuer, but for what is wished. */
  async ours(wishes: TokenWishes = {}): Promise<string> {
    return await this.issuer.token(PUBLIC_URL, this.#scope, wishes)
  }

  /** A token for our server by the attacker's issuer. */
  async theirs(wishes: TokenWishes = {}): Promise<string> {
    return await this.attacker.token(PUBLIC_URL, this.#scope, wishes)
  }

  /** What stands in a good token. */
  get claims(): Record<string, unknown> {
    return this.issuer.claims(PUBLIC_URL, this.#scope)
  }

  /** What stands before it. */
  get header(): Record<string, unknown> {
    const { alg, kid } = this.issuer.currentKey
    return { alg, kid, typ: 'at+jwt' }
  }

  /** Any header over any payload, signed well with our issuer's key. */
  signed(header: Part, payload: Part, { privateKey }: SigningKey = this.issuer.currentKey): string {
    return compact(header, payload, data =>
      sign('sha256', data, { key: KeyObject.from(privateKey), dsaEncoding: 'ieee-p1363' }),
    )
  }

  /** A good token, in its three parts. */
  parts(): [header: string, payload: string, signature: string] {
    const [header = '', payload = '', signature = ''] = this.signed(this.header, this.claims).split('.')
    return [header, payload, signature]
  }

  /** A token that takes what everybody may know, the public key, for a shared secret. */
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

/** A key whose owner says that it is for encryption. */
export async function newEncryptionKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const names = { kid: 'for-encryption', alg: 'ES256' }
  return { ...names, privateKey, publicJwk: { ...(await exportJWK(publicKey)), ...names, use: 'enc' } }
}
