import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { newKey, type SigningKey } from './signing-key.ts'

export const RFC_8414 = '/.well-known/oauth-authorization-server'
export const OPENID = '/.well-known/openid-configuration'

/** An identity provider on loopback. It publishes one key, until the test changes that. */
export class TestIssuer {
  /** The paths that were asked for, in order. */
  readonly requests: string[] = []
  keys: readonly SigningKey[] = []
  /** Answers in place of the issuer. Returns whether it did. */
  instead: (path: string, response: ServerResponse) => boolean = () => false
  /** Where the metadata is. */
  metadataPath = RFC_8414
  readonly #path: string
  readonly #http: Server

  private constructor(path: string) {
    this.#path = path
    this.#http = createServer(({ url = '' }, response) => {
      this.requests.push(url)
      if (this.instead(url, response)) return
      const body =
        url === '/jwks'
          ? { keys: this.keys.map(({ publicJwk }) => publicJwk) }
          : url === this.metadataPath
            ? this.metadata()
            : undefined
      response.writeHead(body ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(body ?? {}))
    })
  }

  /** @param path of its identifier */
  static async start(path = ''): Promise<TestIssuer> {
    const issuer = new TestIssuer(path)
    issuer.keys = [await newKey('key-1')]
    issuer.#http.listen(0, '127.0.0.1')
    await once(issuer.#http, 'listening')
    onTestFinished(() => issuer.close())
    return issuer
  }

  async close(): Promise<void> {
    if (!this.#http.listening) return
    const closed = new Promise(resolve => this.#http.close(resolve))
    this.#http.closeAllConnections()
    await closed
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  get identifier(): string {
    return `${this.origin}${this.#path}`
  }

  metadata(): Record<string, unknown> {
    return { issuer: this.identifier, jwks_uri: `${this.origin}/jwks` }
  }

  get key(): SigningKey {
    const key = this.keys.at(-1)
    if (!key) throw new Error('the issuer has no key')
    return key
  }
}

/** Answers with JSON, or with a text as it is. */
export function reply(response: ServerResponse, body: unknown, status = 200, headers = {}): true {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
  return true
}
