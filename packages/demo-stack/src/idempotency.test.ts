import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, vi } from 'vitest'
import { backendForTest } from '../test/backend-fixture.ts'
import { call } from '../test/call.ts'
import { SCOPES } from './api-keys.ts'

const TICKET = { subject: 'Printer', description: 'It stopped.', priority: 'low' }
const once = (key: string) => ({ 'Idempotency-Key': key })

describe('an Idempotency-Key', () => {
  it('returns the first response again, and changes nothing', async () => {
    const backend = await backendForTest({ seed: false })
    const first = await call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once('k1') })
    const again = await call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once('k1') })
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null])
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
    expect(again.text).toBe(first.text)
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'))
    expect(backend.ticketRows()).toHaveLength(1)
  })

  it('lets one of many requests at the same time take effect', async () => {
    const backend = await backendForTest({ seed: false })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once('k1') })),
    )
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers.has('idempotency-replayed'))).toHaveLength(19)
    expect(backend.ticketRows()).toHaveLength(1)
  })

  it('is refused for a different body, route or record', async () => {
    const backend = await backendForTest()
    const [one, two] = backend.ticketRows()
    const note = { body: { note: 'n' }, headers: once('k1') }
    expect((await call(backend.tickets, `PATCH /tickets/${one?.id}`, note)).status).toBe(200)
    const before = backend.ticketRows()
    const others = [
      call(backend.tickets, `PATCH /tickets/${one?.id}`, { ...note, body: { note: 'm' } }),
      call(backend.tickets, `PATCH /tickets/${two?.id}`, note),
      call(backend.tickets, 'POST /tickets', { ...note, body: TICKET }),
    ]
    for (const { status, json } of await Promise.all(others)) {
      expect([status, json.error.code]).toEqual([422, 'idempotency_mismatch'])
    }
    expect(backend.ticketRows()).toEqual(before)
  })

  it('is separate for each API key', async () => {
    const backend = await backendForTest({ seed: false })
    const key = backend.mintKey('tickets', ['tickets:create'])
    await call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once('k1') })
    const other = await call(backend.tickets, 'POST /tickets', { key, body: TICKET, headers: once('k1') })
    expect([other.status, other.headers.get('idempotency-replayed')]).toEqual([201, null])
    expect(backend.ticketRows()).toHaveLength(2)
  })

  it('can be used again after the window, by the given clock', async () => {
    let time = Date.parse('2026-04-01T12:00:00Z')
    const backend = await backendForTest({ seed: false, now: () => time, idempotencyWindowMs: 1000 })
    const post = (body: object = TICKET) => call(backend.tickets, 'POST /tickets', { body, headers: once('k1') })
    await post()
    time += 999
    expect((await post()).headers.get('idempotency-replayed')).toBe('true')
    time += 1
    expect((await post({ ...TICKET, subject: 'Another' })).status).toBe(201)
    expect(backend.ticketRows().map(({ createdAt }) => createdAt)).toEqual([
      '2026-04-01T12:00:00.000Z',
      '2026-04-01T12:00:01.000Z',
    ])
  })

  it('has a window of ten minutes by default', async () => {
    let time = 0
    const backend = await backendForTest({ seed: false, now: () => time })
    const post = () => call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once('k1') })
    await post()
    time = 10 * 60_000 - 1
    expect((await post()).headers.get('idempotency-replayed')).toBe('true')
    time += 1
    expect((await post()).headers.get('idempotency-replayed')).toBe(null)
  })

  it('does not store the response to a refused request', async () => {
    const backend = await backendForTest({ seed: false })
    const key = backend.mintKey('blog', ['articles:create', 'articles:delete'])
    const post = (markdown: string, headers = {}) =>
      call(backend.blog, 'POST /articles', { key, body: { slug: 'a', title: 'A', markdown }, headers })
    await post('one')
    expect((await post('two', once('k1'))).status).toBe(409)
    await call(backend.blog, 'DELETE /articles/a', { key })
    expect((await post('two', once('k1'))).status).toBe(201)
  })

  it('rolls the effect back if the response cannot be stored', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-stack-'))
    const database = join(folder, 'demo.sqlite')
    const backend = await backendForTest({ database, seed: false })
    const other = new DatabaseSync(database)
    other.exec(`CREATE TRIGGER full BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'no space left'); END`)
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const failed = await call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once('k1') })
    expect([failed.status, failed.json.error.code]).toEqual([500, 'internal'])
    expect(String(logged.mock.calls)).toContain('no space left')
    logged.mockRestore()
    expect(backend.ticketRows()).toEqual([])
    other.exec('DROP TRIGGER full')
    other.close()
    expect((await call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once('k1') })).status).toBe(201)
    await backend.close()
    rmSync(folder, { recursive: true })
  })

  it('works for every write, also if the response has no body', async () => {
    const backend = await backendForTest()
    const keys = {
      blog: backend.mintKey('blog', [...SCOPES.blog]),
      crm: backend.mintKey('crm', [...SCOPES.crm]),
      tickets: backend.mintKey('tickets', [...SCOPES.tickets]),
    }
    const { id: _id, ...customer } = { ...backend.customers()[0], email: 'new@example.org' }
    const writes = [
      ['blog', 'POST /articles', { slug: 'a', title: 'A', markdown: 'a' }],
      ['blog', 'PUT /articles/a', { title: 'B', markdown: 'b' }],
      ['blog', 'DELETE /articles/a', undefined],
      ['crm', 'POST /customers', customer],
      ['crm', 'PATCH /customers/cus_e4t8vka7rs3x', { plan: 'free' }],
      ['crm', 'DELETE /customers/cus_e4t8vka7rs3x', undefined],
      ['tickets', 'POST /tickets', TICKET],
      ['tickets', 'PATCH /tickets/tic_4mz8wk2hqv6s', { note: 'n' }],
      ['tickets', 'POST /tickets/tic_4mz8wk2hqv6s/replies', { text: 't' }],
      ['tickets', 'DELETE /tickets/tic_4mz8wk2hqv6s', undefined],
    ] as const
    for (const [api, request, body] of writes) {
      const options = { key: keys[api], body, headers: once(request.replace(' ', ':')) }
      const first = await call(backend[api], request, options)
      const again = await call(backend[api], request, options)
      expect([request, first.status < 300, first.headers.has('idempotency-replayed')]).toEqual([request, true, false])
      expect([request, again.status, again.text]).toEqual([request, first.status, first.text])
      expect(again.headers.get('idempotency-replayed')).toBe('true')
    }
  })

  it('must be 1 to 128 visible ASCII characters', async () => {
    const backend = await backendForTest({ seed: false })
    for (const key of ['', 'two words', 'x'.repeat(129), '\u00e9']) {
      const { status, json } = await call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once(key) })
      expect([key, status, json.error.code]).toEqual([key, 400, 'invalid'])
    }
    const { status } = await call(backend.tickets, 'POST /tickets', { body: TICKET, headers: once('~'.repeat(128)) })
    expect(status).toBe(201)
  })
})
