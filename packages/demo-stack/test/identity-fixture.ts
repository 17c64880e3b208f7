import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'
// Not from index.ts, which would also load the backend.
import { DEMO_PEOPLE, type Person } from '../src/identity/people.ts'
import { type IdentityOptions, type IdentityProvider, startIdentityProvider } from '../src/identity/provider.ts'
import type { ProtectedResource } from '../src/identity/resources.ts'
import { type Decide, ScriptedBrowser } from '../src/identity/scripted-browser.ts'

export const BLOG: ProtectedResource = {
  url: 'http://127.0.0.1:9/blog',
  name: 'the blog',
  scopes: { 'blog:read': 'see the names of drafts', 'blog:publish': 'publish a draft' },
}
export const CRM: ProtectedResource = {
  url: 'http://127.0.0.1:9/crm',
  name: 'the CRM',
  scopes: { 'crm:read': 'look up customers' },
}
export const [ADA, GRACE] = DEMO_PEOPLE as [Person, Person]
export const CALLBACK = 'http://127.0.0.1:8123/callback'

const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(cleanUps.splice(0).map(clean => clean()))
})

/** Starts a provider that is closed after the test. */
export async function providerForTest(options: Partial<IdentityOptions> = {}): Promise<IdentityProvider> {
  const idp = await startIdentityProvider({ resources: [BLOG, CRM], ...options })
  cleanUps.push(() => idp.close())
  return idp
}

/** Starts a web server that is closed after the test. Resolves to its origin. */
export async function serverForTest(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

// biome-ignore lint/suspicious/noExplicitAny: tests read responses of any shape, wrong ones included
export type Json = any

export async function postJson(url: string, body: unknown): Promise<{ status: number; json: Json }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, json: await response.json() }
}

/** Registers a public client. */
export async function register(idp: IdentityProvider, metadata: object = {}): Promise<Json> {
  const { json } = await postJson(`${idp.issuer}/reg`, {
    client_name: 'Test app',
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: 'none',
    ...metadata,
  })
  return json
}

/** The authorization code flow of one client with one browser. */
export class Flow {
  readonly idp: IdentityProvider
  readonly clientId: string
  readonly verifier: string = randomBytes(32).toString('base64url')
  readonly browser: ScriptedBrowser

  constructor(idp: IdentityProvider, clientId: string, browser = new ScriptedBrowser()) {
    this.idp = idp
    this.clientId = clientId
    this.browser = browser
  }

  /** The authorization URL. A parameter that is set to null is left out. */
  url(changes: Record<string, string | null> = {}): string {
    const params: Record<string, string | null> = {
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: CALLBACK,
      scope: 'blog:read',
      resource: BLOG.url,
      state: 'the-state',
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changes,
    }
    const sent = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== null)
    return `${this.idp.issuer}/auth?${new URLSearchParams(sent)}`
  }

  /** Resolves to the parameters of the redirect to the client. */
  async authorize(person: Person, decide: Decide, changes?: Record<string, string | null>): Promise<URLSearchParams> {
    const { search, hash } = new URL(await this.browser.signIn(this.url(changes), person, decide))
    return new URLSearchParams(`${search.slice(1)}&${hash.slice(1)}`)
  }

  async token(
    params: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; json: Json }> {
    const response = await fetch(`${this.idp.issuer}/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ client_id: this.clientId, ...params }),
    })
    return { status: response.status, json: await response.json() }
  }

  redeem(answer: URLSearchParams, changes: Record<string, string> = {}) {
    return this.token({
      grant_type: 'authorization_code',
      code: answer.get('code') ?? '',
      code_verifier: this.verifier,
      redirect_uri: CALLBACK,
      ...changes,
    })
  }

  refresh(refreshToken: string) {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken })
  }

  async tokens(person: Person, changes?: Record<string, string | null>): Promise<Json> {
    return (await this.redeem(await this.authorize(person, 'allow', changes))).json
  }
}

/** Registers a new client. */
export async function flowForTest(idp: IdentityProvider, metadata?: object, browser?: ScriptedBrowser): Promise<Flow> {
  return new Flow(idp, (await register(idp, metadata)).client_id, browser)
}
