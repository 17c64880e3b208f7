import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { backendForTest } from '../test/backend-fixture.ts'
import { call } from '../test/call.ts'

const TICKET = { subject: 'Ünïcode', description: 'd', priority: 'low' }

describe('the request log', () => {
  it('has a request before its response arrives', async () => {
    const backend = await backendForTest({ now: () => 0 })
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    await call(backend.crm, 'GET /customers/cus_none', { headers: { traceparent, 'X-Request-Id': 'call-1' } })
    await call(backend.tickets, 'POST /tickets', { body: TICKET })
    const body = JSON.stringify(TICKET)
    expect(backend.requests()).toEqual([
      {
        time: '1970-01-01T00:00:00.000Z',
        method: 'GET',
        url: '/crm/v1/customers/cus_none',
        route: '/crm/v1/customers/:id',
        status: 404,
        keyName: 'crm-reader',
        traceparent,
        requestId: 'call-1',
        headers: expect.arrayContaining(['authorization', 'traceparent', 'x-request-id']),
        body: null,
        bodySha256: null,
      },
      expect.objectContaining({
        url: '/tickets/v1/tickets',
        status: 201,
        body,
        bodySha256: createHash('sha256').update(body).digest('hex'),
      }),
    ])
    backend.clearRequests()
    expect(backend.requests()).toEqual([])
  })

  it('has refused requests with their bodies, each of them once', async () => {
    const backend = await backendForTest({ rateLimit: { max: 2, windowMs: 60_000 } })
    const post = { body: TICKET }
    await call(backend.tickets, 'POST /tickets', { ...post, key: null })
    await call(backend.tickets, 'POST /tickets', { ...post, key: backend.blog.key })
    await call(backend.tickets, 'POST /tickets', { ...post, headers: { 'Content-Type': 'text/plain' } })
    await call(backend.tickets, 'POST /tickets', { raw: '{' })
    await call(backend.tickets, 'POST /tickets', post)
    await call(backend.tickets, 'POST /nowhere?a=1', post)
    await fetch(`${backend.url}/crm/v1/customers/%ff`)
    const text = JSON.stringify(TICKET)
    expect(backend.requests().map(r => [r.status, r.route, r.keyName, r.body])).toEqual([
      [401, '/tickets/v1/tickets', null, text],
      [403, '/tickets/v1/tickets', 'blog-publisher', text],
      [415, '/tickets/v1/tickets', 'ticket-handler', text],
      [400, '/tickets/v1/tickets', 'ticket-handler', '{'],
      [429, '/tickets/v1/tickets', 'ticket-handler', text],
      [404, null, 'ticket-handler', text],
      [400, null, null, null],
    ])
  })

  it('cuts a body after 64 KiB between characters, and hashes the whole body', async () => {
    const backend = await backendForTest({ seed: false })
    const raw = `{"slug":"${'é'.repeat(100_000)}"}`
    await call(backend.blog, 'POST /articles', { raw })
    const [entry] = backend.requests()
    const kept = Buffer.byteLength(entry?.body ?? '')
    expect(kept).toBeGreaterThanOrEqual(64 * 1024 - 1)
    expect(kept).toBeLessThanOrEqual(64 * 1024)
    expect(raw.startsWith(entry?.body ?? '-')).toBe(true)
    expect(entry?.bodySha256).toBe(createHash('sha256').update(raw).digest('hex'))
  })

  it('has a request whose body is incomplete', async () => {
    const backend = await backendForTest({ seed: false })
    const socket = connect(Number(new URL(backend.url).port), '127.0.0.1')
    socket.write('POST /tickets/v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"half":')
    await new Promise(resolve => setTimeout(resolve, 50))
    socket.destroy()
    while (backend.requests().length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    expect(backend.requests()).toMatchObject([{ status: 401, body: '{"half":' }])
  })

  it('never has an API key', async () => {
    const backend = await backendForTest()
    const minted = backend.mintKey('blog', ['articles:create'], 'third')
    for (const api of ['blog', 'crm', 'tickets'] as const) {
      for (const key of [backend.blog.key, backend.crm.key, backend.tickets.key, minted, 'wrong-secret']) {
        await call(backend[api], 'GET /whoami', { key })
        await call(backend[api], 'POST /articles', { key, body: { slug: 'a', title: 'A', markdown: 'a' } })
      }
    }
    const log = JSON.stringify(backend.requests())
    expect(backend.requests()).toHaveLength(30)
    for (const key of [backend.blog.key, backend.crm.key, backend.tickets.key, minted, 'wrong-secret', 'Bearer']) {
      expect(log).not.toContain(key)
    }
  })
})
