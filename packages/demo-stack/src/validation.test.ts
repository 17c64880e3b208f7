import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { backendForTest } from '../test/backend-fixture.ts'
import { call } from '../test/call.ts'
import type { ApiName, Backend } from './index.ts'

const ARTICLE = { slug: 'a', title: 'A', markdown: 'a' }
const TICKET = { subject: 's', description: 'd', priority: 'low' }

async function expectInvalid(backend: Backend, api: ApiName, request: string, body?: unknown): Promise<void> {
  const { status, json } = await call(backend[api], request, { body })
  expect([request, body, status]).toEqual([request, body, 400])
  expect(json).toEqual({ error: { code: 'invalid', message: expect.any(String) } })
}

describe('the APIs', () => {
  it('refuse invalid articles', async () => {
    const backend = await backendForTest({ seed: false })
    const wrong: unknown[] = [
      [],
      null,
      'text',
      {},
      { ...ARTICLE, extra: 1 },
      { ...ARTICLE, status: 'draft' },
      { slug: 'a', title: 'A' },
      { ...ARTICLE, title: '' },
      { ...ARTICLE, title: 5 },
      { ...ARTICLE, title: null },
      { ...ARTICLE, title: 'x'.repeat(201) },
      { ...ARTICLE, markdown: '' },
      { ...ARTICLE, markdown: 'x'.repeat(1024 * 1024 + 1) },
      ...['', 'A', 'É', 'a b', 'a--b', '-a', 'a-', 'a/b', '../a', 'a.b', 'a_b', 'a%2f', 'a\u202e', 'ａ\u0000'].map(
        slug => ({ ...ARTICLE, slug }),
      ),
      { ...ARTICLE, slug: 'x'.repeat(121) },
    ]
    for (const body of wrong) await expectInvalid(backend, 'blog', 'POST /articles', body)
    expect(backend.articles()).toEqual([])
  })

  it('accept slugs and titles in any script, up to the length limits', async () => {
    const backend = await backendForTest({ seed: false })
    const right = [
      ...['a', '2026', 'τι-νέα', '新年快乐', 'हिन्दी-लेख', 'été-2026', 'مرحبا', 'x'.repeat(120)].map(slug => ({
        ...ARTICLE,
        slug,
      })),
      { ...ARTICLE, slug: 'long', title: '𐐷'.repeat(200), markdown: 'x'.repeat(1024 * 1024) },
    ]
    for (const body of right) {
      expect([body.slug, (await call(backend.blog, 'POST /articles', { body })).status]).toEqual([body.slug, 201])
    }
  })

  it('refuse invalid tickets and updates', async () => {
    const backend = await backendForTest()
    const before = backend.ticketRows()
    const creates = [
      { ...TICKET, priority: 'critical' },
      { ...TICKET, status: 'solved' },
      { ...TICKET, subject: 'x'.repeat(201) },
      { ...TICKET, description: 'x'.repeat(10_001) },
      { ...TICKET, customerEmail: 'nobody' },
      { ...TICKET, customerEmail: null },
    ]
    for (const body of creates) await expectInvalid(backend, 'tickets', 'POST /tickets', body)
    const updates = [{}, { note: '' }, { note: 'x'.repeat(5001) }, { status: 'closed' }, { note: 'n', internal: false }]
    for (const body of updates) await expectInvalid(backend, 'tickets', 'PATCH /tickets/tic_4mz8wk2hqv6s', body)
    expect(backend.ticketRows()).toEqual(before)
  })

  it('refuse invalid queries', async () => {
    const backend = await backendForTest()
    for (const query of [
      'by-email',
      'by-email?email=',
      'by-email?email=nobody',
      'by-email?email=a@b.example&email=c@d.example',
      'by-email?email=a@b.example&fields=all',
      'search',
      'search?name=a',
      `search?name=${'x'.repeat(81)}`,
      'search?name=an&limit=1000',
      'search?name=%20%20%20',
      'search?name=%CC%81%CC%81',
      'cus_e4t8vka7rs3x?expand=all',
    ]) {
      await expectInvalid(backend, 'crm', `GET /customers/${query}`)
    }
  })

  it('refuse bodies that are not JSON, not UTF-8 or of another content type', async () => {
    const backend = await backendForTest({ seed: false })
    const post = (raw: string | Uint8Array, type = 'application/json') =>
      call(backend.blog, 'POST /articles', { raw, headers: { 'Content-Type': type } }).then(a => [
        a.status,
        a.json.error.code,
      ])
    const good = JSON.stringify(ARTICLE)
    expect(await post(good.slice(0, -1))).toEqual([400, 'invalid'])
    expect(await post('')).toEqual([400, 'invalid'])
    expect(await post(Buffer.from(good.replace('"a"', '"\u00ff"'), 'latin1'))).toEqual([400, 'invalid'])
    expect(await post(good.replace('"A"', '"\\ud800"'))).toEqual([400, 'invalid'])
    expect(await post(good.replace('"title"', '"__proto__":{},"title"'))).toEqual([400, 'invalid'])
    expect(await post(good, 'text/plain')).toEqual([415, 'unsupported_media_type'])
    expect(await post(good, 'application/x-www-form-urlencoded')).toEqual([415, 'unsupported_media_type'])
    expect(await post(good, 'nonsense')).toEqual([415, 'unsupported_media_type'])
    expect(backend.articles()).toEqual([])
  })

  it('answer 413 above 2 MiB, with and without Content-Length, or 401 without an API key', async () => {
    const backend = await backendForTest({ seed: false })
    const limit = 2 * 1024 * 1024
    const big = 'x'.repeat(limit + 1)
    const declared = await call(backend.blog, 'POST /articles', { raw: big })
    expect([declared.status, declared.json.error.code]).toEqual([413, 'too_large'])
    const streamed = await fetch(`${backend.blog.url}/articles`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${backend.blog.key}`, 'Content-Type': 'application/json' },
      body: new Blob([big]).stream(),
      duplex: 'half',
    } as RequestInit)
    expect(streamed.status).toBe(413)
    expect((await call(backend.blog, 'POST /articles', { raw: big, key: null })).status).toBe(401)
    // A body of exactly 2 MiB is read, and then refused because it is not JSON.
    expect((await call(backend.blog, 'POST /articles', { raw: big.slice(1) })).status).toBe(400)
  })

  it('answer every error with the same JSON structure', async () => {
    const backend = await backendForTest()
    const shape = { error: { code: expect.any(String), message: expect.any(String) } }
    for (const path of ['/', '/blog/v1', '/blog/v2/articles', '/posts/none', '/crm/v1/customers/cus_none/x']) {
      const response = await fetch(backend.url + path)
      expect([path, response.status, await response.json()]).toEqual([path, 404, shape])
    }
    const tooMany = await call(backend.blog, `GET /articles/${'x'.repeat(500)}`, {
      key: backend.mintKey('blog', ['articles:read']),
    })
    expect([tooMany.status, tooMany.json]).toEqual([404, shape])
    const badUrl = await fetch(`${backend.url}/crm/v1/customers/%ff`)
    expect([badUrl.status, await badUrl.json()]).toEqual([400, shape])
    expect(await rawRequest(backend, 'NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*"code":"invalid"/s)
  })
})

function rawRequest(backend: Backend, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(Number(new URL(backend.url).port), '127.0.0.1', () => socket.write(text))
    socket
      .on('data', chunk => {
        received += chunk
      })
      .on('close', () => resolve(received))
      .on('error', reject)
  })
}
