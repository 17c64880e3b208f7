import { afterEach, describe, expect, it, vi } from 'vitest'
import { backendForTest } from '../test/backend-fixture.ts'
import { call } from '../test/call.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('the rate limit', () => {
  it('answers 429 with Retry-After in seconds, for each key, until the window ends', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const backend = await backendForTest({ rateLimit: { max: 3, windowMs: 1500 } })
    const whoami = (key = backend.crm.key) => call(backend.crm, 'GET /whoami', { key })
    expect([(await whoami()).status, (await whoami()).status, (await whoami()).status]).toEqual([200, 200, 200])
    const refused = await whoami()
    expect([refused.status, refused.json.error.code]).toEqual([429, 'rate_limited'])
    expect(refused.headers.get('retry-after')).toMatch(/^[12]$/)
    expect((await whoami(backend.mintKey('crm', []))).status).toBe(200)
    vi.setSystemTime(Date.now() + Number(refused.headers.get('retry-after')) * 1000)
    expect((await whoami()).status).toBe(200)
  })

  it('also counts refused requests, invalid requests and requests to other APIs', async () => {
    const backend = await backendForTest({ rateLimit: { max: 3, windowMs: 60_000 } })
    const { key } = backend.tickets
    expect((await call(backend.tickets, 'GET /tickets')).status).toBe(403)
    expect((await call(backend.tickets, 'POST /tickets', { body: {} })).status).toBe(400)
    expect((await call(backend.crm, 'GET /whoami', { key })).status).toBe(403)
    const refused = await call(backend.tickets, 'POST /tickets', {
      body: { subject: 's', description: 'd', priority: 'low' },
    })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
    expect(backend.ticketRows()).toHaveLength(12)
  })

  it('is 600 requests per minute by default', async () => {
    const backend = await backendForTest({ seed: false })
    const answers = await Promise.all(Array.from({ length: 601 }, () => call(backend.blog, 'GET /whoami')))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(600)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(1)
  })
})
