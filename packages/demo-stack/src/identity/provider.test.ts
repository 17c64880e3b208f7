import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { promisify } from 'node:util'
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  OAuthTokens,
} from '@modelcontextprotocol/client'
import { auth } from '@modelcontextprotocol/client'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  ADA,
  BLOG,
  CALLBACK,
  CRM,
  flowForTest,
  type Json,
  providerForTest,
  serverForTest,
} from '../../test/identity-fixture.ts'
import { DEMO_PEOPLE } from './people.ts'
import { startIdentityProvider } from './provider.ts'
import { signIn } from './scripted-browser.ts'

describe('the provider', () => {
  it('publishes its metadata at both well-known URLs', async () => {
    const { issuer } = await providerForTest()
    const [openid, oauth] = await Promise.all(
      ['openid-configuration', 'oauth-authorization-server'].map(async name => {
        const response = await fetch(`${issuer}/.well-known/${name}`)
        expect(response.headers.get('content-type')).toMatch(/^application\/json/)
        return (await response.json()) as Json
      }),
    )
    expect(oauth).toEqual(openid)
    expect(oauth).toMatchObject({
      issuer,
      code_challenge_methods_supported: ['S256'],
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      scopes_supported: ['openid', 'offline_access', 'blog:read', 'blog:publish', 'crm:read'],
    })
    for (const [name, value] of Object.entries(oauth)) {
      if (/_endpoint$|_uri$/.test(name)) expect(value).toMatch(new RegExp(`^${issuer}/`))
    }
  })

  it('publishes only public keys', async () => {
    const { issuer } = await providerForTest()
    const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: object[] }
    expect(keys).toEqual([
      {
        kty: 'EC',
        crv: 'P-256',
        use: 'sig',
        alg: 'ES256',
        kid: expect.any(String),
        x: expect.any(String),
        y: expect.any(String),
      },
    ])
  })

  it('revokes a token on request', async () => {
    const idp = await providerForTest()
    const flow = await flowForTest(idp)
    const { refresh_token } = await flow.tokens(ADA)
    const body = new URLSearchParams({ client_id: flow.clientId, token: refresh_token })
    expect((await fetch(`${idp.issuer}/token/revocation`, { method: 'POST', body })).status).toBe(200)
    expect((await flow.refresh(refresh_token)).status).toBe(400)
  })

  it('throws if the port is in use, and leaves nothing running', async () => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(startIdentityProvider({ port, resources: [BLOG] })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await new Promise(resolve => taken.close(resolve))
    const idp = await providerForTest({ port })
    expect(idp.issuer).toBe(`http://127.0.0.1:${port}`)
  })

  it('closes immediately, and can be closed again', async () => {
    const idp = await providerForTest()
    await (await fetch(`${idp.issuer}/jwks`)).text()
    const idle = connect(Number(new URL(idp.issuer).port), '127.0.0.1')
    await once(idle, 'connect')
    idle.write('POST /token HTTP/1.1\r\n')
    idle.on('error', () => {})
    await Promise.all([idp.close(), idp.close()])
    await idp.close()
    await expect(fetch(`${idp.issuer}/jwks`)).rejects.toThrow()
  })

  it('refuses people with the same username', async () => {
    await expect(startIdentityProvider({ resources: [], people: [ADA, { ...ADA, sub: 'x' }] })).rejects.toThrow(
      RangeError,
    )
  })

  it('has demo people whose passwords are obviously not real', () => {
    for (const { username, password } of DEMO_PEOPLE) expect(password).toBe(`demo-password-${username}`)
  })

  it('prints nothing in normal use, even if clients make mistakes', async () => {
    const index = new URL('../index.ts', import.meta.url).href
    const fixture = new URL('scripted-browser.ts', import.meta.url).href
    const script = `
      import { createHash } from 'node:crypto'
      const { DEMO_PEOPLE, startIdentityProvider } = await import(${JSON.stringify(index)})
      const { ScriptedBrowser } = await import(${JSON.stringify(fixture)})
      const url = 'http://127.0.0.1:9/mcp'
      const idp = await startIdentityProvider({ resources: [{ url, name: 'n', scopes: { 'blog:read': 'read' } }] })
      const json = async (path, init) => (await fetch(idp.issuer + path, init)).json()
      const headers = { 'Content-Type': 'application/json' }
      const redirect_uri = 'http://127.0.0.1:8123/callback'
      const body = JSON.stringify({ redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none' })
      const { client_id } = await json('/reg', { method: 'POST', headers, body })
      await json('/reg', { method: 'POST', headers, body: '{' })
      const code_verifier = 'v'.repeat(43)
      const code_challenge = createHash('sha256').update(code_verifier).digest('base64url')
      const query = { client_id, redirect_uri, response_type: 'code', scope: 'blog:read', resource: url, code_challenge, code_challenge_method: 'S256' }
      const browser = new ScriptedBrowser()
      const start = idp.issuer + '/auth?' + new URLSearchParams(query)
      await browser.signIn(start, { username: 'ada', password: 'wrong' }, 'allow').catch(() => {})
      const code = new URL(await browser.signIn(start, DEMO_PEOPLE[0], 'allow')).searchParams.get('code')
      const redeem = params => json('/token', { method: 'POST', body: new URLSearchParams({ client_id, redirect_uri, ...params }) })
      const { refresh_token, access_token } = await redeem({ grant_type: 'authorization_code', code, code_verifier })
      if (!access_token) throw new Error('no token')
      for (const _ of [1, 2]) await redeem({ grant_type: 'refresh_token', refresh_token })
      await redeem({ grant_type: 'authorization_code', code, code_verifier })
      await fetch(idp.issuer + '/auth?client_id=http://127.0.0.1:9/app.json')
      await fetch(idp.issuer + '/nothing')
      await idp.close()
    `
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' })
  })
})

describe('the client of the MCP SDK', () => {
  /** The OAuth data that an MCP client stores for one server. */
  class ClientStore implements OAuthClientProvider {
    readonly redirectUrl = CALLBACK
    readonly clientMetadata: OAuthClientMetadata = {
      client_name: 'SDK client',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    }
    authorizationUrl: URL | undefined
    saved: OAuthTokens | undefined
    #client: OAuthClientInformationMixed | undefined
    #verifier = ''
    #discovery: OAuthDiscoveryState | undefined

    clientInformation = () => this.#client
    saveClientInformation(client: OAuthClientInformationMixed) {
      this.#client = client
    }
    tokens = () => this.saved
    saveTokens(tokens: OAuthTokens) {
      this.saved = tokens
    }
    redirectToAuthorization(url: URL) {
      this.authorizationUrl = url
    }
    saveCodeVerifier(verifier: string) {
      this.#verifier = verifier
    }
    codeVerifier = () => this.#verifier
    saveDiscoveryState(state: OAuthDiscoveryState) {
      this.#discovery = state
    }
    discoveryState = () => this.#discovery
  }

  it('discovers the provider, registers, gets tokens and renews them', async () => {
    const resources = [CRM]
    const idp = await providerForTest({ resources: () => resources })
    const server = await serverForTest((request, response) => {
      if (request.url !== '/.well-known/oauth-protected-resource/mcp') return response.writeHead(404).end()
      const metadata = {
        resource: `${server}/mcp`,
        authorization_servers: [idp.issuer],
        scopes_supported: ['blog:read'],
      }
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(metadata))
    })
    const serverUrl = `${server}/mcp`
    resources.push({ ...BLOG, url: serverUrl })

    const store = new ClientStore()
    expect(await auth(store, { serverUrl })).toBe('REDIRECT')
    expect(store.authorizationUrl?.searchParams.get('resource')).toBe(serverUrl)
    const back = new URL(await signIn(store.authorizationUrl ?? '', ADA, 'allow')).searchParams
    const authorizationCode = back.get('code') ?? ''
    expect(await auth(store, { serverUrl, authorizationCode, iss: back.get('iss') ?? '' })).toBe('AUTHORIZED')
    const first = store.saved
    expect(decodeJwt(first?.access_token ?? '')).toMatchObject({ aud: serverUrl, sub: ADA.sub, scope: 'blog:read' })

    expect(await auth(store, { serverUrl })).toBe('AUTHORIZED')
    expect(store.saved?.refresh_token).not.toBe(first?.refresh_token)
    expect(decodeJwt(store.saved?.access_token ?? '')).toMatchObject({ aud: serverUrl, scope: 'blog:read' })
  })
})
