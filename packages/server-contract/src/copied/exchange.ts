import { describe, expect, it } from 'vitest'
import {
  type Body,
  backendOf,
  type Fetch,
  failedWith,
  failureOf,
  json,
  MAYBE_SENT,
  NEVER_SENT,
  NO_REPLIES,
  READ,
  type Read,
} from './backend-answers.ts'
import { type BackendCall, callOf } from './backend-call.ts'

type Exchange = <T>(fetch: Fetch, call: BackendCall, request: Read<T>) => Promise<T>

const MEBIBYTE = 1024 * 1024

/** What every copy of `backends/http.ts` has to prove. */
export function describeExchange(exchange: Exchange): void {
  /** A reply of this status, judged as a read’s. */
  async function refusedWith(status: number, headers: Record<string, string> = {}) {
    const response = new Response(status === 304 ? null : 'the backend’s own words', { status, headers })
    const failure = await failureOf(exchange(backendOf(response).fetch, callOf(), READ))
    expect(failure.message).not.toContain('own words')
    return failure
  }

  describe('a request', () => {
    it(`${verifies('P6', 'P14')} carries the call’s trace and id, and nothing to write with`, async () => {
      const { fetch, sent } = backendOf(json({ id: 'a' }))
      const call = callOf()
      expect(await exchange(fetch, call, { ...READ, query: { q: '1' } })).toEqual({ id: 'a' })
      const headers = { accept: 'application/json', traceparent: call.traceparent, 'x-request-id': 'call-1' }
      expect(sent).toEqual([
        { endpoint: READ.endpoint, path: READ.path, query: { q: '1' }, headers, signal: call.signal },
      ])
    })
  })

  describe('a backend that does not answer', () => {
    it.each([...NEVER_SENT, ...MAYBE_SENT])(
      `${verifies('P16')} is not available, if that is %j, and is not asked again`,
      async code => {
        const { fetch, sent } = backendOf(failedWith(code))
        const failure = await failureOf(exchange(fetch, callOf(), READ))
        expect(failure).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
        expect(failure.message).not.toContain('secret detail')
        expect(sent).toHaveLength(1)
      },
    )

    it('took too long, if the signal says so', async () => {
      const signal = AbortSignal.abort()
      const failure = await failureOf(
        exchange(backendOf(new DOMException('x', 'AbortError')).fetch, callOf(signal), READ),
      )
      expect(failure.message).toContain('in time')
    })
  })

  describe('a status', () => {
    it.each([
      [400, 'BACKEND_REFUSED'],
      [401, 'BACKEND_REFUSED'],
      [403, 'BACKEND_REFUSED'],
      [404, 'NOT_FOUND'],
      [405, 'BACKEND_REFUSED'],
      [409, 'BACKEND_REFUSED'],
      [410, 'BACKEND_REFUSED'],
      [413, 'BACKEND_REFUSED'],
      [418, 'BACKEND_REFUSED'],
      [422, 'BACKEND_REFUSED'],
      [429, 'RATE_LIMITED'],
      [500, 'BACKEND_UNAVAILABLE'],
      [502, 'BACKEND_UNAVAILABLE'],
      [503, 'BACKEND_UNAVAILABLE'],
      [504, 'BACKEND_UNAVAILABLE'],
      [599, 'BACKEND_UNAVAILABLE'],
      [300, 'BACKEND_UNAVAILABLE'],
      [301, 'BACKEND_UNAVAILABLE'],
      [302, 'BACKEND_UNAVAILABLE'],
      [304, 'BACKEND_UNAVAILABLE'],
      [307, 'BACKEND_UNAVAILABLE'],
      [308, 'BACKEND_UNAVAILABLE'],
    ])(`${verifies('P14', 'P16')} of %i is %s, in words of ours`, async (status, code) => {
      expect(await refusedWith(status, { location: 'https://evil.example/' })).toMatchObject({ code })
    })

    it('tells the operator where only the operator can help', async () => {
      for (const status of [401, 403, 302]) expect((await refusedWith(status)).message).toContain('Tell the operator')
    })

    it('leaves no body unread', async () => {
      let cancelled = false
      const body = new ReadableStream({
        pull: controller => controller.enqueue(new Uint8Array(1024)),
        cancel: () => {
          cancelled = true
        },
      })
      await failureOf(exchange(backendOf(new Response(body, { status: 400 })).fetch, callOf(), READ))
      expect(cancelled).toBe(true)
    })
  })

  describe('Retry-After', () => {
    it.each([
      ['1', 1],
      ['7', 7],
      ['0', 1],
      ['007', 7],
      ['86400', 86_400],
      ['86401', 86_400],
      ['9'.repeat(30), 86_400],
      ['-5', 1],
      ['Thu, 01 Jan 1970 00:00:00 GMT', 1],
      ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400],
    ])(`${verifies('P14')} of %j is %i seconds`, async (header, seconds) => {
      for (const [status, code] of [
        [429, 'RATE_LIMITED'],
        [503, 'BACKEND_UNAVAILABLE'],
      ] as const) {
        const failure = await refusedWith(status, { 'retry-after': header })
        expect(failure).toMatchObject({ code, retryAfterSeconds: seconds })
        expect(failure.message).toContain(`after ${seconds} seconds`)
      }
    })

    it(`${verifies('P14')} can be a date: the seconds until then`, async () => {
      for (const ahead of [30, 3600]) {
        const header = new Date(Date.now() + ahead * 1000).toUTCString()
        const { retryAfterSeconds = 0 } = await refusedWith(429, { 'retry-after': header })
        // The header has whole seconds, and some time passes on the way.
        expect(retryAfterSeconds).toBeGreaterThan(ahead - 20)
        expect(retryAfterSeconds).toBeLessThanOrEqual(ahead)
      }
    })

    it.each(['', 'soon', '60s', '30.0', 'NaN', 'Infinity', '9'.repeat(400), '１０', '<script>', 'Thu, 99 Foo 2026'])(
      'of %j says nothing',
      async header => {
        // A header can hold no such letters: then it is not even there.
        const headers = /^[\x20-\x7e]*$/.test(header) ? { 'retry-after': header } : {}
        const failure = await refusedWith(429, headers)
        expect(failure.retryAfterSeconds).toBeUndefined()
        expect(failure.message).toContain('Try again later')
      },
    )

    it('is nobody’s but a limit’s', async () => {
      for (const status of [400, 404, 409, 500])
        expect((await refusedWith(status, { 'retry-after': '5' })).retryAfterSeconds).toBeUndefined()
    })
  })

  describe('a reply', () => {
    const readReply = (body: Body) => exchange(backendOf(new Response(body)).fetch, callOf(), READ)

    /** Bytes in chunks, as many as are pulled. */
    function streamOf(chunk: Uint8Array, times: number) {
      const state = { sent: 0, cancelled: false }
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (state.sent === times) return controller.close()
          state.sent += 1
          controller.enqueue(chunk)
        },
        cancel() {
          state.cancelled = true
        },
      })
      return { state, body }
    }

    it(`${verifies('P16')} is read up to one mebibyte and not a byte further`, async () => {
      const padding = (size: number) => `{"id":"${'x'.repeat(size - 9)}"}`
      expect(await readReply(padding(MEBIBYTE))).toMatchObject({ id: expect.stringMatching(/^x+$/) })
      expect(await failureOf(readReply(padding(MEBIBYTE + 1)))).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    })

    it(`${verifies('P16')} that never ends is left, and little of it was taken`, async () => {
      const { state, body } = streamOf(new Uint8Array(64 * 1024).fill(32), Number.POSITIVE_INFINITY)
      expect(await failureOf(readReply(body))).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
      expect(state.cancelled).toBe(true)
      expect(state.sent).toBeLessThan(24)
    })

    it('may come in pieces that cut its characters', async () => {
      const bytes = new TextEncoder().encode('{"id":"naïve 😀 日本"}')
      let place = 0
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (place === bytes.length) return controller.close()
          controller.enqueue(bytes.subarray(place, ++place))
        },
      })
      expect(await readReply(body)).toEqual({ id: 'naïve 😀 日本' })
    })

    it.each(NO_REPLIES)(`${verifies('P16')} that is %s is no reply`, async (_, body) => {
      const read = await failureOf(readReply(body))
      expect(read).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
      expect(read.message).not.toContain('log in')
    })

    it(`${verifies('P16')} that breaks off is no reply`, async () => {
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(new TextEncoder().encode('{"id":"a"}'))
          controller.error(new Error('reset'))
        },
      })
      expect(await failureOf(readReply(body))).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    })
  })
}
