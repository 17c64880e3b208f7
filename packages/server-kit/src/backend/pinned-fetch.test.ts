import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { captureFetch } from '../../test/backend/captured-fetch.ts'
import { type BackendRequest, pinFetch } from './pinned-fetch.ts'

const SECRET = 'nd_s3cret-Value_123'
const ENDPOINTS = ['GET /things/{id}', 'GET /things', 'GET /a.b', 'POST /things'] as const

type Endpoint = (typeof ENDPOINTS)[number]

function request(change: Partial<BackendRequest<Endpoint>> = {}): BackendRequest<Endpoint> {
  const { signal } = new AbortController()
  return { endpoint: 'GET /things/{id}', path: '/things/a1', headers: {}, signal, ...change }
}

function pin(base = 'https://backend.example') {
  return pinFetch(SECRET, new URL(base), ENDPOINTS)
}

describe('a request with the credential', () => {
  it.each([
    ['https://backend.example', 'https://backend.example/things/a1'],
    ['https://backend.example/', 'https://backend.example/things/a1'],
    ['https://backend.example/blog/v1', 'https://backend.example/blog/v1/things/a1'],
    ['https://backend.example/blog/v1/', 'https://backend.example/blog/v1/things/a1'],
    ['https://backend.example/blog/v1//', 'https://backend.example/blog/v1/things/a1'],
    ['https://backend.example:8443/a%20b/', 'https://backend.example:8443/a%20b/things/a1'],
    ['http://[::1]:9/x', 'http://[::1]:9/x/things/a1'],
  ])(`${verifies('P6')} keeps the path of its base: %s`, async (base, expected) => {
    const calls = captureFetch()
    await pin(base)('GET', request())
    expect(calls.map(({ url }) => url.href)).toEqual([expected])
  })

  it(`${verifies('P5', 'P6')} carries the credential, whatever other authorization is asked for, and follows no redirect`, async () => {
    const calls = captureFetch()
    const sent = request({ headers: { accept: 'application/json', authorization: 'Bearer of bad news' } })
    await pin()('GET', sent)
    expect(calls[0]?.init).toMatchObject({
      method: 'GET',
      redirect: 'manual',
      headers: { accept: 'application/json', authorization: `Bearer ${SECRET}` },
    })
    expect(calls[0]?.init.signal).toBe(sent.signal)
    expect(calls[0]?.init).not.toHaveProperty('body')
  })

  it('carries the body that it is given, even an empty one', async () => {
    const calls = captureFetch()
    const send = pin()
    await send('POST', request({ endpoint: 'POST /things', path: '/things' }), '{"a":1}')
    await send('POST', request({ endpoint: 'POST /things', path: '/things' }), '')
    expect(calls.map(({ init }) => [init.method, init.body])).toEqual([
      ['POST', '{"a":1}'],
      ['POST', ''],
    ])
  })

  it.each([
    'DELETE /things/{id}',
    'PUT /things/{id}',
    'POST /things/{id}',
    'get /things/{id}',
    'GET /things/{id} ',
    ' GET /things/{id}',
    'GET  /things/{id}',
    'GET /things/{x}',
    'GET /things/a1',
    'GET',
    '',
    '__proto__',
    'constructor',
  ])(`${verifies('P6')} is not sent to an endpoint that is not in the list: %j`, async endpoint => {
    const calls = captureFetch()
    const send = pin()
    for (const path of ['/things/a1', '/things', '/'])
      for (const method of ['GET', endpoint.split(' ')[0] ?? ''])
        await expect(send(method, request({ endpoint: endpoint as Endpoint, path }))).rejects.toThrow(
          'not an endpoint of this server',
        )
    expect(calls).toEqual([])
  })

  it.each(['POST', 'DELETE', 'get', 'G', 'GE', '', 'GET /things'])(
    `${verifies('P6')} is not sent with another method than its endpoint’s: %j`,
    async method => {
      const calls = captureFetch()
      await expect(pin()(method, request())).rejects.toThrow('not an endpoint of this server')
      expect(calls).toEqual([])
    },
  )

  it.each([
    '',
    '/',
    '/things',
    '/things/',
    '//things/a1',
    '/things//a1',
    '/things/a1/',
    '/things/a1/b',
    '/things/a1?all=1',
    '/things/a1#x',
    '/other/a1',
    '/x/things/a1',
    'things/a1',
    '/things/.',
    '/things/..',
    '/things/%2e',
    '/things/%2e%2e',
    '/things/.%2E',
    '/things/%2E.',
    '/things/a1\\..\\..',
    '/things/\\',
    '/things/a\n',
    '/things/a\t1',
    '/things/\u0000',
    '/things/é',
    '/things/a b',
    '/things/"',
    '/things/a1\n/x',
    '//evil.example/things/a1',
    '/\\evil.example/things/a1',
    '\\\\evil.example/things/a1',
    'https://evil.example/things/a1',
    '@evil.example/things/a1',
    ':80/things/a1',
    '.evil.example/things/a1',
    '/things/a1\u2028',
    '/things/\ud800',
  ])(`${verifies('P4', 'P6')} is not sent to another path than its endpoint’s: %j`, async path => {
    const calls = captureFetch()
    for (const base of ['https://backend.example', 'https://backend.example/v1', 'https://backend.example/v1/'])
      await expect(pin(base)('GET', request({ path })), base).rejects.toThrow(/not an endpoint|would go elsewhere/)
    expect(calls).toEqual([])
  })

  it(`${verifies('P4', 'P6')} is not sent to another origin, even if its endpoint would lead there`, async () => {
    const calls = captureFetch()
    const send = pinFetch(SECRET, new URL('https://backend.example'), ['GET //evil.example/things'])
    const elsewhere = { ...request(), endpoint: 'GET //evil.example/things' as const, path: '//evil.example/things' }
    await expect(send('GET', elsewhere)).rejects.toThrow('would go elsewhere')
    expect(calls).toEqual([])
  })

  it(`${verifies('P6')} takes the punctuation of an endpoint literally`, async () => {
    captureFetch()
    const send = pin()
    await send('GET', request({ endpoint: 'GET /a.b', path: '/a.b' }))
    await expect(send('GET', request({ endpoint: 'GET /a.b', path: '/axb' }))).rejects.toThrow('not an endpoint')
    await expect(send('GET', request({ path: '/things/{id}' }))).rejects.toThrow('would go elsewhere')
  })

  it(`${verifies('P4')} has each value of its query as one value`, async () => {
    const calls = captureFetch()
    const nasty = { email: 'a@b.example&admin=1#x', name: '?%26=+ é\n' }
    await pin('https://backend.example/v1')('GET', request({ query: nasty }))
    const url = calls[0]?.url
    expect(url?.pathname).toBe('/v1/things/a1')
    expect(url?.hash).toBe('')
    expect([...(url?.searchParams ?? [])]).toEqual(Object.entries(nasty))
  })

  it(`${verifies('P5')} is sent once: a redirect is not followed, with the credential or without`, async () => {
    const seen: IncomingMessage[] = []
    const server = createServer((incoming, response) => {
      seen.push(incoming)
      response.writeHead(307, { location: '/elsewhere' }).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const response = await pin(`http://127.0.0.1:${port}`)('GET', request())
    expect(response.status).toBe(307)
    await response.body?.cancel()
    expect(seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([['/things/a1', `Bearer ${SECRET}`]])
  })
})

describe('the function that sends requests', () => {
  it(`${verifies('P5')} does not show the credential that it holds`, () => {
    const send = pin()
    expect(inspect(send, { depth: null, showHidden: true, getters: true })).not.toContain(SECRET)
    expect(`${send}`).not.toContain(SECRET)
  })
})
