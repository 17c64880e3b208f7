import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import {
  ADA,
  BLOG,
  CALLBACK,
  Flow,
  flowForTest,
  postJson,
  providerForTest,
  register,
} from '../../test/identity-fixture.ts'
import { ClientMetadataDocuments } from './client-metadata-document.ts'
import { Clients } from './clients.ts'

describe('registration', () => {
  it('is open to everyone, and stores only the metadata that is needed', async () => {
    const idp = await providerForTest()
    const { status, json } = await postJson(`${idp.issuer}/reg`, {
      client_name: 'Notes',
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: 'blog:read crm:read',
      logo_uri: 'http://169.254.169.254/logo',
      jwks_uri: 'http://169.254.169.254/keys',
      sector_identifier_uri: 'https://169.254.169.254/sector',
      software_id: 'x',
    })
    expect(status).toBe(201)
    expect(json).toMatchObject({ client_name: 'Notes', application_type: 'native', token_endpoint_auth_method: 'none' })
    expect(Object.keys(json).filter(name => /_uri$|scope|secret|software/.test(name))).toEqual([])
  })

  it.each([
    ['a web app', ['https://app.example/cb'], 'web'],
    ['a native app with a custom scheme', ['notes://callback'], 'native'],
    [
      'an app with all kinds of redirect URIs',
      ['https://app.example/cb', 'http://localhost:1/cb', 'notes://callback'],
      'native',
    ],
  ])('accepts %s', async (_what, redirect_uris, application_type) => {
    expect(await register(await providerForTest(), { redirect_uris })).toMatchObject({
      application_type,
      redirect_uris,
    })
  })

  it.each([
    ['plain http outside loopback', { redirect_uris: ['http://app.example/cb'] }],
    ['a javascript: URI', { redirect_uris: ['javascript:alert(1)'] }],
    ['no redirect URI', { redirect_uris: [] }],
    ['too many redirect URIs', { redirect_uris: Array.from({ length: 21 }, (_, n) => `${CALLBACK}/${n}`) }],
    ['a redirect URI that is too long', { redirect_uris: [`${CALLBACK}/${'x'.repeat(1000)}`] }],
    ['a name that is too long', { client_name: 'x'.repeat(1001) }],
    ['a name that is not a string', { client_name: { x: 1 } }],
    ['the implicit grant', { grant_types: ['implicit'], response_types: ['token'] }],
    ['the password grant', { grant_types: ['password'] }],
  ])('refuses %s', async (_what, metadata) => {
    const { error, client_id } = await register(await providerForTest(), metadata)
    expect(client_id).toBeUndefined()
    expect(error).toMatch(/^invalid_(client_metadata|redirect_uri)$/)
  })

  it('never answers a value of the wrong type with a server error', async () => {
    const idp = await providerForTest()
    const names = ['redirect_uris', 'grant_types', 'response_types', 'token_endpoint_auth_method', 'client_name']
    for (const name of [...names, 'application_type', 'client_id', 'client_secret', 'scope', 'jwks', '__proto__']) {
      for (const value of [null, true, 1, '', 'x', [], [null], [{}], {}, { length: 1 }]) {
        const { status } = await postJson(`${idp.issuer}/reg`, {
          redirect_uris: [CALLBACK],
          ...Object.fromEntries([[name, value]]),
        })
        expect([name, value, status < 500]).toEqual([name, value, true])
      }
    }
    for (const body of [null, [], 1, 'x']) expect((await postJson(`${idp.issuer}/reg`, body)).status).toBe(400)
  })

  it('lets a native app use any port on loopback in its redirect URI, and change nothing else of it', async () => {
    const flow = await flowForTest(await providerForTest(), { redirect_uris: ['http://127.0.0.1/callback'] })
    const redirect_uri = 'http://127.0.0.1:49152/callback'
    expect((await flow.authorize(ADA, 'allow', { redirect_uri })).has('code')).toBe(true)
    for (const other of [
      'http://127.0.0.1:49152/other',
      'http://localhost:49152/callback',
      'https://evil.example/callback',
    ]) {
      await expect(flow.authorize(ADA, 'allow', { redirect_uri: other })).rejects.toThrow(/redirect_uri/)
    }
  })

  it('allows CORS for web pages on loopback, like the other endpoints', async () => {
    const { issuer } = await providerForTest()
    const Origin = 'http://localhost:6274'
    const ask = (path: string, origin: string) =>
      fetch(issuer + path, {
        method: 'OPTIONS',
        headers: {
          Origin: origin,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'content-type',
        },
      })
    for (const path of ['/reg', '/token']) {
      const { status, headers } = await ask(path, Origin)
      expect([status, headers.get('access-control-allow-origin')]).toEqual([204, Origin])
    }
    expect((await ask('/reg', 'https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
    const metadata = await fetch(`${issuer}/.well-known/oauth-authorization-server`, { headers: { Origin } })
    expect(metadata.headers.get('access-control-allow-origin')).toBe(Origin)
  })

  it('does not let web pages of unregistered origins get tokens', async () => {
    const flow = await flowForTest(await providerForTest())
    const answer = await flow.authorize(ADA, 'allow')
    const params = { grant_type: 'authorization_code', code: answer.get('code') ?? '', code_verifier: flow.verifier }
    const evil = await flow.token({ ...params, redirect_uri: CALLBACK }, { Origin: 'https://evil.example' })
    expect(evil).toMatchObject({ status: 400, json: { error: 'invalid_request' } })
    const page = await flow.token({ ...params, redirect_uri: CALLBACK }, { Origin: 'http://localhost:6274' })
    expect(page.status).toBe(200)
  })

  it('removes the oldest client when there are more than a thousand', async () => {
    const clients = new Clients(undefined, new ClientMetadataDocuments())
    for (let n = 0; n <= 1000; n++) await clients.upsert(`client-${n}`, { client_id: `client-${n}` })
    expect(await clients.find('client-0')).toBeUndefined()
    expect(await clients.find('client-1')).toBeDefined()
    expect(await clients.find('client-1000')).toBeDefined()
  })
})

describe('a state folder', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  it('stores keys and clients in files that only the owner can read, and stores no sessions', async () => {
    const state = join(mkdtempSync(join(tmpdir(), 'identity-')), 'state')
    folders.push(join(state, '..'))
    const before = await providerForTest({ state })
    const flow = await flowForTest(before)
    const { access_token, refresh_token } = await flow.tokens(ADA)
    await before.close()
    // The client notices a moment later that its keep-alive connections are closed.
    await pause(50)
    expect(readdirSync(state).sort()).toEqual(['identity-clients.json', 'identity-keys.json'])
    for (const file of readdirSync(state)) expect(statSync(join(state, file)).mode & 0o777).toBe(0o600)

    const after = await providerForTest({ state, port: Number(new URL(before.issuer).port) })
    expect(after.issuer).toBe(before.issuer)
    const keys = createRemoteJWKSet(new URL(`${after.issuer}/jwks`))
    await jwtVerify(access_token, keys, { audience: BLOG.url, issuer: after.issuer })
    expect((await flow.refresh(refresh_token)).status).toBe(400)
    expect((await new Flow(after, flow.clientId).tokens(ADA)).scope).toBe('blog:read')
  })

  it('is optional; without one, every start generates new keys', async () => {
    const keys = async () => (await fetch(`${(await providerForTest()).issuer}/jwks`)).json()
    expect(await keys()).not.toEqual(await keys())
  })
})
