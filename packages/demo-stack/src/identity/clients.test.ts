import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
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
  serverForTest,
} from '../../test/identity-fixture.ts'
import { ClientMetadataDocuments } from './client-metadata-document.ts'
import { Clients } from './clients.ts'
import { mayReach } from './reachable-address.ts'

describe('registration', () => {
  it('is open, and keeps no more than is needed', async () => {
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
    ['an app in a web page', ['https://app.example/cb'], 'web'],
    ['an app with its own links', ['notes://callback'], 'native'],
    ['an app with all of these', ['https://app.example/cb', 'http://localhost:1/cb', 'notes://callback'], 'native'],
  ])('takes %s', async (_what, redirect_uris, application_type) => {
    expect(await register(await providerForTest(), { redirect_uris })).toMatchObject({
      application_type,
      redirect_uris,
    })
  })

  it.each([
    ['plain http elsewhere', { redirect_uris: ['http://app.example/cb'] }],
    ['a script', { redirect_uris: ['javascript:alert(1)'] }],
    ['no redirect URI', { redirect_uris: [] }],
    ['redirect URIs without end', { redirect_uris: Array.from({ length: 21 }, (_, n) => `${CALLBACK}/${n}`) }],
    ['a redirect URI without end', { redirect_uris: [`${CALLBACK}/${'x'.repeat(1000)}`] }],
    ['a name without end', { client_name: 'x'.repeat(1001) }],
    ['a name that is no text', { client_name: { x: 1 } }],
    ['the implicit grant', { grant_types: ['implicit'], response_types: ['token'] }],
    ['the password grant', { grant_types: ['password'] }],
  ])('refuses %s', async (_what, metadata) => {
    const { error, client_id } = await register(await providerForTest(), metadata)
    expect(client_id).toBeUndefined()
    expect(error).toMatch(/^invalid_(client_metadata|redirect_uri)$/)
  })

  it('lets a native app come back to any port on loopback, and to nowhere else', async () => {
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

  it('is there for pages on loopback, like the other endpoints', async () => {
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

  it('does not let any web page read tokens', async () => {
    const flow = await flowForTest(await providerForTest())
    const answer = await flow.authorize(ADA, 'allow')
    const params = { grant_type: 'authorization_code', code: answer.get('code') ?? '', code_verifier: flow.verifier }
    const evil = await flow.token({ ...params, redirect_uri: CALLBACK }, { Origin: 'https://evil.example' })
    expect(evil).toMatchObject({ status: 400, json: { error: 'invalid_request' } })
    const page = await flow.token({ ...params, redirect_uri: CALLBACK }, { Origin: 'http://localhost:6274' })
    expect(page.status).toBe(200)
  })

  it('forgets the oldest client beyond a thousand', async () => {
    const clients = new Clients(undefined, new ClientMetadataDocuments())
    for (let n = 0; n <= 1000; n++) await clients.upsert(`client-${n}`, { client_id: `client-${n}` })
    expect(await clients.find('client-0')).toBeUndefined()
    expect(await clients.find('client-1')).toBeDefined()
    expect(await clients.find('client-1000')).toBeDefined()
  })
})

describe('a client metadata document', () => {
  const send = (response: ServerResponse, body: unknown) =>
    response.end(typeof body === 'string' ? body : JSON.stringify(body))

  it('is a client without registration', async () => {
    let fetched = 0
    const server = await serverForTest((_request, response) => {
      fetched++
      send(response, {
        client_id: `${server}/app.json`,
        client_name: 'Documented app',
        redirect_uris: [CALLBACK],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        token_endpoint_auth_method: 'none',
      })
    })
    const flow = new Flow(await providerForTest(), `${server}/app.json`)
    let text = ''
    const answer = await flow.authorize(ADA, page => {
      text = page.text
      return 'allow'
    })
    expect(text).toContain(`“Documented app”`)
    expect(text).toContain(`The app is described at ${new URL(server).host}`)
    const { json } = await flow.redeem(answer)
    const keys = createRemoteJWKSet(new URL(`${flow.idp.issuer}/jwks`))
    const { payload } = await jwtVerify(json.access_token, keys, { audience: BLOG.url })
    expect(payload.client_id).toBe(`${server}/app.json`)
    expect((await flow.refresh(json.refresh_token)).status).toBe(200)
    expect(fetched).toBe(1)
  })

  const good = (client_id: string) => ({ client_id, redirect_uris: [CALLBACK] })
  it.each<[string, (response: ServerResponse, id: string) => void]>([
    ['names another client', (response, id) => send(response, good(`${id}2`))],
    ['names none', (response, id) => send(response, { ...good(id), client_id: undefined })],
    ['is no JSON', response => send(response, '<!doctype html>')],
    ['is a list', response => send(response, '[]')],
    ['is nothing', response => send(response, 'null')],
    ['is elsewhere', (response, id) => response.writeHead(302, { Location: `${id}?` }).end()],
    ['is missing', (response, id) => send(response.writeHead(404), good(id))],
    ['is huge', (response, id) => send(response, { ...good(id), padding: 'x'.repeat(6000) })],
    [
      'is packed',
      (response, id) => response.setHeader('Content-Encoding', 'gzip').end(gzipSync(JSON.stringify(good(id)))),
    ],
    ['has a secret', (response, id) => send(response, { ...good(id), client_secret: 'demo' })],
    ['wants one', (response, id) => send(response, { ...good(id), token_endpoint_auth_method: 'client_secret_post' })],
    ['has no redirect URI', (response, id) => send(response, { client_id: id })],
    ['has redirect URIs that are none', (response, id) => send(response, { ...good(id), redirect_uris: [1] })],
  ])('that %s is refused', async (_what, answer) => {
    const server = await serverForTest((_request, response) => answer(response, `${server}/app.json`))
    const flow = new Flow(await providerForTest(), `${server}/app.json`)
    await expect(flow.authorize(ADA, 'allow')).rejects.toThrow('This did not work')
  })

  it('that does not come is not waited for', async () => {
    let asked = 0
    const server = await serverForTest(async (_request, response) => {
      asked++
      // A drip, which no idle timeout would end.
      for (let n = 0; n < 60 && !response.destroyed; n++) {
        response.write(' ')
        await pause(100)
      }
    })
    const flow = new Flow(await providerForTest(), `${server}/app.json`)
    const start = Date.now()
    await expect(flow.authorize(ADA, 'allow')).rejects.toThrow('could not be fetched')
    expect(Date.now() - start).toBeLessThan(5000)
    expect(asked).toBe(1)
  })

  it.each([
    'http://app.example/app.json',
    'http://169.254.169.254/app.json',
    'http://127.0.0.1:1/',
    'http://127.0.0.1:1/a/../app.json',
    'http://user@127.0.0.1:1/app.json',
    'http://127.0.0.1:1/app.json#x',
    'HTTP://127.0.0.1:1/app.json',
    'file:///etc/passwd',
    'not-an-address',
  ])('is not looked for at %s', async id => {
    expect(await new ClientMetadataDocuments().find(id)).toBeUndefined()
  })

  it.each(['https://169.254.169.254/app.json', 'https://10.0.0.1/app.json', 'https://[fd00::1]/app.json'])(
    'is not fetched from %s',
    async id => {
      await expect(new ClientMetadataDocuments().find(id)).rejects.toThrow('invalid_client_metadata')
    },
  )

  it('comes from loopback or a public address', () => {
    const reached = ['127.0.0.1', '::1', '93.184.216.34', '2606:2800:220:1::1']
    const refused = ['10.1.2.3', '172.31.0.1', '192.168.1.1', '100.64.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1']
    const refused6 = ['::', 'fe80::1', 'fd00::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', '2002:a00:1::', '2001:db8::1']
    expect(reached.filter(address => !mayReach(address, 'loopback or public'))).toEqual([])
    expect([...refused, ...refused6, 'name'].filter(address => mayReach(address, 'loopback or public'))).toEqual([])
    expect(mayReach('93.184.216.34', 'loopback')).toBe(false)
  })
})

describe('a state folder', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  it('keeps keys and clients, for their owner only, and no sessions', async () => {
    const state = join(mkdtempSync(join(tmpdir(), 'identity-')), 'state')
    folders.push(join(state, '..'))
    const before = await providerForTest({ state })
    const flow = await flowForTest(before)
    const { access_token, refresh_token } = await flow.tokens(ADA)
    await before.close()
    // The client side of kept-alive connections sees the end a moment later.
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

  it('is not needed: then keys are new each time', async () => {
    const keys = async () => (await fetch(`${(await providerForTest()).issuer}/jwks`)).json()
    expect(await keys()).not.toEqual(await keys())
  })
})
