import { describe, expect, it } from 'vitest'
import { listen, RawConnection, send } from '../../test/remote/loopback.ts'
import { ADA, ORIGIN, openRoutes, resource } from '../../test/remote/routing.ts'
import { soon } from '../../test/remote/soon.ts'
import { Refusal } from './admission.ts'
import { answer } from './routes.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
const UNKNOWN = { caller: { kind: 'oauth', id: '', host: '127.0.0.1' }, scopes: undefined }
const MESSAGE = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
const BODY = JSON.stringify(MESSAGE)

describe('the paths of the server', () => {
  it('tell that it is alive', async () => {
    const { port } = await openRoutes()
    const reply = await send(port, { path: '/healthz' })
    expect([reply.status, reply.text]).toEqual([200, '{"alive":true}'])
    expect((await send(port, { path: '/healthz?a=b' })).status).toBe(200)
  })

  it('tell whether it is ready', async () => {
    const { port, readiness } = await openRoutes()
    const ready = await send(port, { path: '/readyz' })
    expect([ready.status, JSON.parse(ready.text)]).toEqual([200, { ready: true, checks: { audit: 'ok' } }])
    const state = { ready: false, checks: { audit: 'failed' } }
    readiness.mockResolvedValue(state as never)
    const unready = await send(port, { path: '/readyz' })
    expect([unready.status, JSON.parse(unready.text)]).toEqual([503, state])
  })

  it('tell that it is not ready once it begins to stop, without asking what it depends on', async () => {
    const { port, readiness, stopping } = await openRoutes()
    stopping.abort()
    const reply = await send(port, { path: '/readyz' })
    expect([reply.status, JSON.parse(reply.text)]).toEqual([503, { ready: false, checks: {} }])
    expect(readiness).not.toHaveBeenCalled()
    expect((await send(port, { path: '/healthz' })).status).toBe(200)
  })

  it.each([WELL_KNOWN, `${WELL_KNOWN}/mcp`, `${WELL_KNOWN}/notes/mcp`, `${WELL_KNOWN}?a=b`])(
    `${verifies('P15')} tell every page where to sign in: %s`,
    async path => {
      const { port } = await openRoutes()
      const reply = await send(port, { path, headers: { Host: 'any.example', Origin: 'https://any.example' } })
      expect([reply.status, JSON.parse(reply.text)]).toEqual([200, resource.metadata])
      expect(reply.headers['access-control-allow-origin']).toBe('*')
    },
  )

  it(`${verifies('P15')} tell nobody where to sign in without OAuth`, async () => {
    const { port } = await openRoutes({ withOAuth: false })
    expect((await send(port, { path: WELL_KNOWN })).status).toBe(404)
  })

  it(`${verifies('P15')} are the only ones: there is nothing at any other`, async () => {
    const { port, serve, refuse, readiness } = await openRoutes()
    const absent = [
      ...['/', '/mcp/', '//mcp', '/MCP', '/%6dcp', '/mcp;a', '/a/../mcp', '/mcp.json', 'http://127.0.0.1/mcp'],
      ...['/readyz/', '/healthz/', '/metrics', `${WELL_KNOWN}/`, `${WELL_KNOWN}/other`, `${WELL_KNOWN}x`],
    ].flatMap(path => ['GET', 'POST'].map(method => [method, path] as const))
    const others = ['/healthz', '/readyz', WELL_KNOWN].flatMap(path =>
      ['POST', 'DELETE', 'PUT', 'OPTIONS'].map(method => [method, path] as const),
    )
    for (const [method, path] of [...absent, ...others]) {
      const reply = await send(port, { method, path })
      expect([reply.status, reply.text], `${method} ${path}`).toEqual([
        404,
        '{"error":"there is nothing here; the endpoint is /mcp"}',
      ])
    }
    for (const spy of [serve, refuse, readiness]) expect(spy).not.toHaveBeenCalled()
  })
})

describe('an answer', () => {
  it('is JSON that nobody may keep', async () => {
    const { port } = await listen(async (_, res) => answer(res, 418, { word: 'é' }, { 'Retry-After': '1' }))
    const { status, text, headers } = await send(port, {})
    expect([status, text]).toEqual([418, '{"word":"é"}'])
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-length': '13',
      'retry-after': '1',
    })
  })
})

describe('a request to the endpoint', () => {
  it('is served with its caller and its message', async () => {
    const { port, serve } = await openRoutes()
    const reply = await send(port, { method: 'POST', path: '/mcp?a=b', body: BODY })
    expect([reply.status, reply.text]).toEqual([200, 'served'])
    expect(serve.mock.calls.map(([, , ...rest]) => rest)).toEqual([[ADA, MESSAGE]])
  })

  it('is served without a message if it is a GET or a DELETE', async () => {
    const { port, serve } = await openRoutes()
    for (const [method, body] of [
      ['GET', undefined],
      ['DELETE', undefined],
      ['DELETE', BODY],
    ] as const)
      expect((await send(port, { method, path: '/mcp', ...(body && { body }) })).status).toBe(200)
    expect(serve.mock.calls.map(([, , ...rest]) => rest)).toEqual([[ADA], [ADA], [ADA]])
  })

  it.each(['PUT', 'PATCH', 'HEAD', 'TRACE', 'PROPFIND'])(
    `${verifies('P7')} by %s is refused on record, before its token is looked at`,
    async method => {
      const admit = () => Promise.reject(new Error('not to be called'))
      const { port, serve, refuse, unexpected } = await openRoutes({ admit })
      const reply = await send(port, { method, path: '/mcp' })
      expect(reply.status).toBe(405)
      expect(reply.headers.allow).toBe('GET, POST, DELETE, OPTIONS')
      expect(refuse.mock.calls).toEqual([
        [UNKNOWN, { code: 'INVALID_INPUT', reason: 'the endpoint has no such method' }],
      ])
      expect(serve).not.toHaveBeenCalled()
      expect(unexpected).toEqual([])
    },
  )

  it.each([
    ['{', { reason: 'not JSON' }],
    ['[]', { reason: 'not a JSON-RPC message' }],
    ['', { reason: 'there is no message' }],
    [' \r\n', { reason: 'there is no message' }],
    ['{"id":1}', { message: { id: 1 }, reason: 'this has no method' }],
    ['{"id":1,"method":7}', { message: { id: 1, method: 7 }, reason: 'this has no method' }],
  ])(`${verifies('P7')} with the body %j is refused on record, with its caller`, async (body, fault) => {
    const { port, serve, refuse } = await openRoutes()
    const reply = await send(port, { method: 'POST', path: '/mcp', body })
    expect(reply.status).toBe(400)
    expect(JSON.parse(reply.text)).toEqual({ jsonrpc: '2.0', id: null, error: fault.reason })
    expect(refuse.mock.calls).toEqual([[ADA, fault]])
    expect(serve).not.toHaveBeenCalled()
  })

  it.each(['{"id":1,"result":{}}', '{"id":1,"error":{"code":1}}', '{"method":"notifications/initialized"}'])(
    'with the message %s is served',
    async body => {
      const { port, serve } = await openRoutes()
      expect((await send(port, { method: 'POST', path: '/mcp', body })).status).toBe(200)
      expect(serve.mock.calls[0]?.[3]).toEqual(JSON.parse(body))
    },
  )

  it.each(['POST', 'DELETE'])(
    `${verifies('P7', 'P16')} by %s that is too long is refused, and its connection closed`,
    async method => {
      const { port, serve, refuse } = await openRoutes()
      const connection = new RawConnection(port)
      connection.send(`${method} /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n{`)
      await connection.closed
      expect(connection.received).toMatch(/^HTTP\/1\.1 413 /)
      expect(connection.received).toMatch(/^Connection: close\r$/im)
      expect(refuse.mock.calls).toEqual([
        [ADA, { code: 'INVALID_INPUT', reason: 'a message has at most 131072 bytes' }],
      ])
      expect(serve).not.toHaveBeenCalled()
    },
  )

  it(`${verifies('P15')} of an unknown caller is refused before its body is read`, async () => {
    const admit = () => Promise.reject(new Refusal(401, 'FORBIDDEN', 'an access token is needed', { 'X-Why': 'a' }))
    const { port, serve, refuse } = await openRoutes({ admit })
    const connection = new RawConnection(port)
    // Half a body.
    connection.send('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{')
    await soon(() => connection.received).toContain('\r\n\r\n{"jsonrpc"')
    expect(connection.received).toMatch(/^HTTP\/1\.1 401 /)
    expect(connection.received).toMatch(/^X-Why: a\r$/m)
    // The connection stays open for the next request.
    expect(connection.received).not.toMatch(/^Connection: close/im)
    expect(refuse.mock.calls).toEqual([[UNKNOWN, { code: 'FORBIDDEN', reason: 'an access token is needed' }]])
    expect(serve).not.toHaveBeenCalled()
  })

  it(`${verifies('P7', 'P15')} with a wrong Host or Origin is refused on record, whatever its method`, async () => {
    const { port, serve, refuse } = await openRoutes()
    for (const headers of [{ Host: 'evil.example' }, { Origin: 'https://evil.example' }])
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS', 'PUT']) {
        refuse.mockClear()
        const reply = await send(port, { method, path: '/mcp', headers })
        expect(reply.status).toBe(403)
        expect(Object.keys(reply.headers).filter(name => name.startsWith('access-control'))).toEqual([])
        expect(refuse.mock.calls).toMatchObject([[UNKNOWN, { code: 'FORBIDDEN' }]])
      }
    expect(serve).not.toHaveBeenCalled()
  })

  it('is not answered by the routes if the endpoint fails: that is a fault of the server', async () => {
    const { port, serve, unexpected, refuse } = await openRoutes()
    const fault = new Error('a bug')
    serve.mockRejectedValue(fault)
    expect((await send(port, { method: 'POST', path: '/mcp', body: BODY })).status).toBe(500)
    expect(unexpected).toEqual([fault])
    expect(refuse).not.toHaveBeenCalled()
  })
})

describe('a web page', () => {
  it(`${verifies('P15')} of the right Origin may ask what it may send, without a token`, async () => {
    const admit = () => Promise.reject(new Error('not to be called'))
    const { port, serve, refuse } = await openRoutes({ admit })
    const { status, text, headers } = await send(port, { method: 'OPTIONS', path: '/mcp', headers: { Origin: ORIGIN } })
    expect([status, text]).toEqual([204, ''])
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers':
        'Authorization, Content-Type, Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID, traceparent',
      'access-control-max-age': '600',
      vary: 'Origin',
    })
    expect(headers).not.toHaveProperty('access-control-allow-credentials')
    for (const spy of [serve, refuse]) expect(spy).not.toHaveBeenCalled()
  })

  it(`${verifies('P15')} may read every reply, with its session and how to sign in`, async () => {
    const { port, serve } = await openRoutes()
    for (const status of [200, 500]) {
      if (status === 500) serve.mockRejectedValue(new Error('a bug'))
      const reply = await send(port, { method: 'POST', path: '/mcp', headers: { Origin: ORIGIN }, body: BODY })
      expect(reply.status).toBe(status)
      expect(reply.headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        'access-control-expose-headers': 'Mcp-Session-Id, WWW-Authenticate',
        vary: 'Origin',
      })
      expect(reply.headers).not.toHaveProperty('access-control-allow-methods')
    }
  })

  it('that sends no Origin gets no CORS headers', async () => {
    const { port } = await openRoutes()
    for (const method of ['OPTIONS', 'GET']) {
      const { headers } = await send(port, { method, path: '/mcp' })
      expect(Object.keys(headers).filter(name => /^access-control|vary/.test(name))).toEqual([])
    }
  })
})
