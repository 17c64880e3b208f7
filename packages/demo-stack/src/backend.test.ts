import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { backendForTest } from '../test/backend-fixture.ts'
import { call } from '../test/call.ts'
import { startBackend } from './backend.ts'
import { DRAFTS } from './drafts.ts'

const folder = mkdtempSync(join(tmpdir(), 'demo-stack-'))
let files = 0
const newFile = () => join(folder, `${++files}.sqlite`)

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))

describe('startBackend', () => {
  it('starts in a process of its own, in a time that is printed', async () => {
    const script = `
      const { startBackend } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)})
      const imported = performance.now()
      const backend = await startBackend()
      console.log(Math.round(imported) + ' ms to import, ' + Math.round(performance.now() - imported) + ' ms to start')
      await backend.close()`
    const run = promisify(execFile)
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script])
    console.log(`demo backend: ${stdout.trim()}`)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^\d+ ms to import, \d+ ms to start\n$/)
  })

  it('listens on 127.0.0.1 only', async () => {
    const backend = await backendForTest({ seed: false })
    expect(backend.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const others = Object.values(networkInterfaces()).flatMap(list => list?.filter(({ internal }) => !internal) ?? [])
    for (const { address, scopeid } of others) {
      const host = scopeid ? `${address}%${scopeid}` : address
      const reached = await new Promise(resolve => {
        const socket = connect({ host, port: Number(new URL(backend.url).port), timeout: 1000 })
        socket
          .on('connect', () => resolve(true))
          .on('error', () => resolve(false))
          .on('timeout', () => resolve(false))
        socket.on('close', () => socket.destroy())
      })
      expect([address, reached]).toEqual([address, false])
    }
  })

  it('uses the given port and keys', async () => {
    const first = await startBackend({ seed: false })
    const port = Number(new URL(first.url).port)
    await first.close()
    const keys = { blog: 'given-blog-key', crm: 'given-crm-key', tickets: 'given-tickets-key' }
    const backend = await backendForTest({ port, keys, seed: false })
    expect(backend.url).toBe(`http://127.0.0.1:${port}`)
    expect([backend.blog.key, backend.crm.key, backend.tickets.key]).toEqual(Object.values(keys))
    expect((await call(backend.crm, 'GET /whoami')).json.scopes).toEqual(['customers:read'])
  })

  it('throws for invalid keys, a port in use or an invalid database', async () => {
    const backend = await backendForTest({ seed: false })
    const port = Number(new URL(backend.url).port)
    await expect(startBackend({ port, seed: false })).rejects.toThrow('EADDRINUSE')
    await expect(startBackend({ keys: { blog: 'a', crm: 'a', tickets: 'b' } })).rejects.toThrow(RangeError)
    await expect(startBackend({ keys: { blog: 'a b', crm: 'c', tickets: 'd' } })).rejects.toThrow(RangeError)
    await expect(startBackend({ database: join(folder, 'no', 'such', 'folder') })).rejects.toThrow()
  })

  it('stores key hashes, records and responses in a database file, and seeds it once', async () => {
    const database = newFile()
    const request = {
      body: { slug: 'kept', title: 'Kept', markdown: 'text' },
      headers: { 'Idempotency-Key': 'lost-reply' },
    }
    const first = await startBackend({ database })
    const full = first.mintKey('blog', ['articles:delete'])
    const created = await call(first.blog, 'POST /articles', request)
    await call(first.blog, 'DELETE /articles/hello-from-the-workbench', { key: full })
    await first.close()

    const second = await backendForTest({ database })
    const again = await call({ ...second.blog, key: first.blog.key }, 'POST /articles', request)
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
    expect(again.json.id).toBe(created.json.id)
    expect(second.articles().map(({ slug }) => slug)).not.toContain('hello-from-the-workbench')
    expect(second.articles()).toHaveLength(5)
    expect(second.requests()).toHaveLength(3)
    const stored = Buffer.concat(readdirSync(folder).map(name => readFileSync(join(folder, name))))
    for (const key of [first.blog.key, first.crm.key, second.blog.key, full]) expect(stored.includes(key)).toBe(false)
  })

  it('answers an unexpected failure with a 500 without details, and logs it', async () => {
    const database = newFile()
    const backend = await backendForTest({ database })
    const other = new DatabaseSync(database)
    other.exec('DROP TABLE customers')
    other.close()
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { status, text } = await call(backend.crm, 'GET /customers/cus_none')
    expect([status, text]).toEqual([500, '{"error":{"code":"internal","message":"internal error"}}'])
    expect(String(logged.mock.calls)).toContain('no such table')
    logged.mockRestore()
    expect(backend.requests().at(-1)?.status).toBe(500)
  })

  it('closes immediately during a request, and can be closed twice', async () => {
    const backend = await startBackend({ seed: false })
    const logged = vi.spyOn(console, 'error')
    const socket = connect(Number(new URL(backend.url).port), '127.0.0.1').on('error', () => {})
    socket.write('POST /tickets/v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{')
    await new Promise(resolve => setTimeout(resolve, 50))
    await Promise.all([backend.close(), backend.close()])
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(logged).not.toHaveBeenCalled()
    await expect(fetch(backend.url)).rejects.toThrow()
  })
})

describe('DRAFTS', () => {
  it('has six drafts of realistic length, with a title in the front matter or the first heading', () => {
    const names = readdirSync(DRAFTS)
    expect(names).toHaveLength(6)
    const starts = names.map(name => {
      const text = readFileSync(join(DRAFTS, name), 'utf8')
      const words = text.split(/\s+/).length
      expect([name, words >= 120 && words <= 400]).toEqual([name, true])
      expect(name).toMatch(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._()-]*\.md$/u)
      expect(name).toBe(name.normalize('NFC'))
      return /^(---\ntitle: .|# .)/.exec(text)?.[0].slice(0, 3)
    })
    expect(new Set(starts).size).toBeGreaterThan(1)
    expect(starts).not.toContain(undefined)
  })
})
