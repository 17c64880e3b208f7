import { describe, expect, it } from 'vitest'
import { CodedError } from '#call'
import { callOf } from '../../test/backend/backend-call.ts'
import {
  backendOf,
  failedWith,
  failureOf,
  json,
  MAYBE_SENT,
  NEVER_SENT,
  NO_REPLIES,
  READ,
} from '../../test/backend/fake-backend.ts'
import { exchange } from './exchange.ts'

describe('a read', () => {
  it(`${verifies('P6', 'P14')} carries the call’s trace and id, and nothing to write with`, async () => {
    const { fetch, sent } = backendOf(json({ id: 'a' }))
    const call = callOf()
    expect(await exchange(fetch, call, { ...READ, query: { q: '1' } })).toEqual({ id: 'a' })
    const headers = { accept: 'application/json', traceparent: call.traceparent, 'x-request-id': 'call-1' }
    expect(sent).toEqual([
      { endpoint: READ.endpoint, path: READ.path, query: { q: '1' }, headers, signal: call.signal },
    ])
    expect(sent[0]?.signal).toBe(call.signal)
  })

  it('has no query unless it is given one', async () => {
    const { fetch, sent } = backendOf(json({ id: 'a' }))
    await exchange(fetch, callOf(), READ)
    expect(sent[0]).not.toHaveProperty('query')
  })

  it.each([...NEVER_SENT, ...MAYBE_SENT])(
    `${verifies('P16')} whose connection fails with %j is not sent again: the backend is not available`,
    async code => {
      const { fetch, sent } = backendOf(failedWith(code))
      const failure = await failureOf(exchange(fetch, callOf(), READ))
      expect(failure).toBeInstanceOf(CodedError)
      expect(failure).toMatchObject({ code: 'BACKEND_UNAVAILABLE', cause: expect.any(TypeError) })
      expect(failure.message).toMatch(/ Try again later\.$/)
      expect(failure.message).not.toContain('secret detail')
      expect(sent).toHaveLength(1)
    },
  )

  it('whose time is over fails with a message that says so', async () => {
    const { fetch } = backendOf(new DOMException('x', 'AbortError'))
    const failure = await failureOf(exchange(fetch, callOf(AbortSignal.abort()), READ))
    expect(failure.message).toBe('The backend did not answer in time. Try again later.')
  })

  it.each([
    [302, 'BACKEND_UNAVAILABLE'],
    [400, 'BACKEND_REFUSED'],
    [401, 'BACKEND_REFUSED'],
    [404, 'NOT_FOUND'],
    [409, 'BACKEND_REFUSED'],
    [429, 'RATE_LIMITED'],
    [500, 'BACKEND_UNAVAILABLE'],
    [502, 'BACKEND_UNAVAILABLE'],
    [503, 'BACKEND_UNAVAILABLE'],
    [504, 'BACKEND_UNAVAILABLE'],
    [599, 'BACKEND_UNAVAILABLE'],
  ])(
    `${verifies('P14', 'P16')} that is answered with %i fails with %s, and is not sent again`,
    async (status, code) => {
      const { fetch, sent } = backendOf(
        new Response('the backend’s own words', { status, headers: { 'retry-after': '5' } }),
      )
      const failure = await failureOf(exchange(fetch, callOf(), READ))
      expect(failure).toBeInstanceOf(CodedError)
      expect(failure).toMatchObject({ code, retryAfterSeconds: [429, 503].includes(status) ? 5 : undefined })
      expect(failure.message).not.toContain('own words')
      expect(sent).toHaveLength(1)
    },
  )

  it('is refused in the adapter’s own message where it has one', async () => {
    const { fetch } = backendOf(new Response('', { status: 409 }))
    const failure = await failureOf(exchange(fetch, callOf(), { ...READ, refusals: { 409: 'There is one already.' } }))
    expect(failure.message).toBe('There is one already.')
  })

  it.each(NO_REPLIES)(`${verifies('P16')} whose reply is %s fails`, async (_, body) => {
    const { fetch, sent } = backendOf(new Response(body))
    const failure = await failureOf(exchange(fetch, callOf(), READ))
    expect(failure).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    expect(failure.message).not.toContain('log in')
    expect(sent).toHaveLength(1)
  })
})
