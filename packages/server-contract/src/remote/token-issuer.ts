import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

type GeneratedKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: GeneratedKey
  readonly publicJwk: JWK
}

/** How a token differs from a valid one. `undefined` removes a claim or a header field. */
export interface TokenWishes {
  readonly claims?: Record<string, unknown>
  readonly header?: Record<string, unknown>
  /** The key that signs. The default is the current key. */
  readonly key?: SigningKey
}

/** An identity provider with real keys and metadata over HTTP, which signs any claims. */
export class TokenIssuer {
  /** The path of every request that it received. */
  readonly requests: string[] = []
  /** How it fails; undefined while it works. */
  fault: 'refuses' | 'hangs' | 'lies' | undefined
  /** Returns a reply for a path, instead of the normal one, or undefined. */
  instead: (path: string) => { status?: number; headers?: Record<string, string>; body?: unknown } | undefined = () =>
    undefined
  readonly #http: Server
  readonly #others: JWK[] = []
  #keys: SigningKey[] = []
  #url = ''

  constructor() {
    this.#http = createServer((request, response) => {
      this.requests.push(request.url ?? '')
      const other = this.instead(request.url ?? '')
      if (other) {
        const headers = { 'Content-Type': 'application/json', ...other.headers }
        return void response.writeHead(other.status ?? 200, headers).end(JSON.stringify(other.body ?? {}))
      }
      if (this.fault === 'hangs') return
      if (this.fault === 'refuses') return void response.writeHead(500).end('{}')
      const body =
        this.fault === 'lies'
          ? { issuer: 'http://127.0.0.1:9', jwks_uri: 'http://127.0.0.1:9/jwks', keys: 'none' }
          : request.url === '/jwks'
            ? { keys: [...this.#keys.map(({ publicJwk }) => publicJwk), ...this.#others] }
            : request.url === '/.well-known/oauth-authorization-server'
              ? { issuer: this.url, jwks_uri: `${this.url}/jwks` }
              : undefined
      response.writeHead(body ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(body ?? {}))
    })
  }

  async open(): Promise<void> {
    await this.addKey()
    await this.listen(0)
  }

  /** Listens. By default at the port that it had before. */
  async listen(port: number = Number(new URL(this.#url).port)): Promise<void> {
    await new Promise<void>(resolve => this.#http.listen(port, '127.0.0.1', resolve))
    this.#url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#http.close(resolve))
    this.#http.closeAllConnections()
    await closed
  }

  /** Its URL, which is also its identifier. */
  get url(): string {
    return this.#url
  }

  /** The key that signs. */
  get currentKey(): SigningKey {
    const key = this.#keys.at(-1)
    if (!key) throw new Error('the issuer is not open')
    return key
  }

  /** Publishes a new key, which signs from now on. */
  async addKey(alg = 'ES256'): Promise<SigningKey> {
    const key = await newKey(`key-${this.#keys.length + 1}`, alg)
    this.#keys.push(key)
    return key
  }

  /** Publishes only the current key. */
  dropOldKeys(): void {
    this.#keys = [this.currentKey]
  }

  /** Publishes another key in addition to its own. */
  publish(key: JWK): void {
    this.#others.push(key)
  }

  /** The claims of a valid token. */
  claims(audience: string, scope: string): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000)
    return {
      iss: this.url,
      aud: audience,
      sub: 'ada',
      client_id: 'contract-client',
      jti: `t${Math.random().toString(36).slice(2)}`,
      iat: now,
      exp: now + 300,
      scope,
    }
  }

  /** Signs a token that is valid except for the wishes. @param audience the server that it is for */
  async token(audience: string, scope: string, { claims, header, key = this.currentKey }: TokenWishes = {}) {
    const payload = { ...this.claims(audience, scope), ...claims }
    const protectedHeader = { alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header }
    return await new SignJWT(JSON.parse(JSON.stringify(payload)) as JWTPayload)
      .setProtectedHeader(JSON.parse(JSON.stringify(protectedHeader)))
      .sign(key.privateKey)
  }
}

/** Creates a key that no issuer has published. */
export async function newKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}
