import { lookup } from 'node:dns'
import type { ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { ADA, BLOG, CALLBACK, Flow, providerForTest, serverForTest } from '../../test/identity-fixture.ts'
import { ClientMetadataDocuments } from './client-metadata-document.ts'
import type { Reach } from './reachable-address.ts'
import { lookupWithin, mayReach } from './reachable-address.ts'

vi.mock('node:dns', async original => {
  const dns = await original<typeof import('node:dns')>()
  return { ...dns, lookup: vi.fn(dns.lookup) }
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
  it.each<[string, RegExp, (response: ServerResponse, id: string) => void]>([
    ['names another client', /is not the URL/, (response, id) => send(response, good(`${id}2`))],
    ['names no client', /is not the URL/, (response, id) => send(response, { ...good(id), client_id: undefined })],
    ['is not JSON', /be fetched/, response => send(response, '<!doctype html>')],
    ['is an array', /not a JSON object/, response => send(response, '[]')],
    ['is null', /not a JSON object/, response => send(response, 'null')],
    ['is a redirect', /be fetched/, (response, id) => response.writeHead(302, { Location: `${id}?` }).end()],
    ['is missing', /be fetched/, (response, id) => send(response.writeHead(404), good(id))],
    ['is too long', /be fetched/, (response, id) => send(response, { ...good(id), padding: 'x'.repeat(6000) })],
    [
      'is compressed',
      /be fetched/,
      (response, id) => response.setHeader('Content-Encoding', 'gzip').end(gzipSync(JSON.stringify(good(id)))),
    ],
    ['has a client secret', /public client/, (response, id) => send(response, { ...good(id), client_secret: 'demo' })],
    [
      'wants a client secret',
      /public client/,
      (response, id) => send(response, { ...good(id), token_endpoint_auth_method: 'client_secret_post' }),
    ],
    ['has no redirect URI', /redirect_uris/, (response, id) => send(response, { client_id: id })],
    [
      'has a redirect URI that is not a string',
      /redirect_uris/,
      (response, id) => send(response, { ...good(id), redirect_uris: [1] }),
    ],
    [
      'has grant types of the wrong type',
      /grant_types/,
      (response, id) => send(response, { ...good(id), grant_types: 'x' }),
    ],
  ])('that %s is refused', async (_what, reason, answer) => {
    const server = await serverForTest((_request, response) => answer(response, `${server}/app.json`))
    const flow = new Flow(await providerForTest(), `${server}/app.json`)
    await expect(flow.authorize(ADA, 'allow')).rejects.toThrow(reason)
  })

  it('is fetched for at most ten clients at a time', async () => {
    const waiting: ServerResponse[] = []
    const server = await serverForTest((_request, response) => {
      waiting.push(response)
    })
    const documents = new ClientMetadataDocuments()
    const found = Array.from({ length: 11 }, (_, n) =>
      documents.find(`${server}/${n}.json`).catch(error => error.message),
    )
    expect(await found[10]).toBe('temporarily_unavailable')
    await vi.waitFor(() => expect(waiting).toHaveLength(10))
    for (const response of waiting) response.writeHead(404).end()
    expect(new Set(await Promise.all(found.slice(0, 10)))).toEqual(new Set(['invalid_client_metadata']))
  })

  it('that takes longer than three seconds is refused', async () => {
    const { timeout } = AbortSignal
    const deadline = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => timeout.call(AbortSignal, 300))
    let requests = 0
    const server = await serverForTest(async (_request, response) => {
      requests++
      // Sent slowly, so that an idle timeout would not end it.
      for (let n = 0; n < 60 && !response.destroyed; n++) {
        response.write(' ')
        await pause(100)
      }
    })
    const flow = new Flow(await providerForTest(), `${server}/app.json`)
    const start = Date.now()
    await expect(flow.authorize(ADA, 'allow')).rejects.toThrow('could not be fetched')
    expect(Date.now() - start).toBeLessThan(5000)
    expect(deadline).toHaveBeenCalledExactlyOnceWith(3000)
    expect(requests).toBe(1)
    deadline.mockRestore()
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
  ])('is not a client id: %s', async id => {
    expect(await new ClientMetadataDocuments().find(id)).toBeUndefined()
  })

  it.each([
    'https://169.254.169.254/app.json',
    'https://10.0.0.1/app.json',
    'https://[fd00::1]/app.json',
    'https://[::ffff:a00:1]/app.json',
  ])('is not fetched from %s', async id => {
    const refusal = { message: 'invalid_client_metadata', cause: { message: 'the address is not allowed' } }
    await expect(new ClientMetadataDocuments().find(id)).rejects.toMatchObject(refusal)
  })

  it('is not fetched from a host name with a private address', async () => {
    vi.mocked(lookup).mockImplementationOnce(((_name: string, _options: object, done: (...all: unknown[]) => void) =>
      done(null, [{ address: '10.0.0.1', family: 4 }])) as never)
    const refusal = { cause: { message: 'the host has no allowed address' } }
    await expect(new ClientMetadataDocuments().find('https://app.example/app.json')).rejects.toMatchObject(refusal)
    expect(lookup).toHaveBeenCalledExactlyOnceWith('app.example', expect.anything(), expect.anything())
  })
})

describe('the allowed addresses', () => {
  it('are loopback and public addresses', () => {
    const reached = ['127.0.0.1', '::1', '93.184.216.34', '2606:2800:220:1::1']
    const refused = ['10.1.2.3', '172.31.0.1', '192.168.1.1', '100.64.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1']
    const refused6 = ['::', 'fe80::1', 'fd00::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', '2002:a00:1::', '2001:db8::1']
    expect(reached.filter(address => !mayReach(address, 'loopback or public'))).toEqual([])
    expect([...refused, ...refused6, 'name'].filter(address => mayReach(address, 'loopback or public'))).toEqual([])
    expect(mayReach('93.184.216.34', 'loopback')).toBe(false)
  })

  it.each<[Reach, boolean, unknown]>([
    ['loopback or public', true, [{ address: '93.184.216.34', family: 4 }]],
    ['loopback or public', false, '93.184.216.34'],
    ['loopback', true, 'the host has no allowed address'],
  ])('are selected from all addresses of a host name: %s', async (reach, all, expected) => {
    const found = ['10.0.0.1', '93.184.216.34'].map(address => ({ address, family: 4 }))
    vi.mocked(lookup).mockImplementationOnce(((_name: string, _options: object, done: (...all: unknown[]) => void) =>
      done(null, found)) as never)
    const answer = await new Promise(resolve =>
      lookupWithin(reach)('app.example', { all }, (error, addresses) => resolve(error?.message ?? addresses)),
    )
    expect(answer).toEqual(expected)
  })
})
