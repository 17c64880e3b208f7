// Copied on purpose, as its source is.
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { BackendCall } from '../backend.ts'
import type { CodedError } from '../errors.ts'
import { type AuthorisedFetch, exchange } from './http.ts'

const MEBIBYTE = 1024 * 1024

function callOf(signal = new AbortController().signal): BackendCall {
  return { signal, callId: 'call-1', callerId: 'os:1@desk', traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` }
}

const READ = { endpoint: 'GET /things/{id}', path: '/things/a', reply: z.object({ id: z.string() }) } as const

type Sent = Parameters<AuthorisedFetch>[0]
type Body = ConstructorParameters<typeof Response>[0]

/** A backend that answers one after the other; an error stands for a connection that fails. */
function backendOf(...answers: (Response | Error | (() => Promise<Response>))[]) {
  const sent: Sent[] = []
  const fetch: AuthorisedFetch = async request => {
    sent.push(request)
    const answer = answers[sent.length - 1]
    if (answer === undefined) throw new Error('asked more often than there are answers')
    if (answer instanceof Error) throw answer
    return typeof answer === 'function' ? await answer() : answer
  }
  return { fetch, sent }
}

function json(body: unknown, init?: ResponseInit): Response {
  return new Response(JSON.stringify(body), init)
}

/** What fetch throws where the connection failed with a code of the system's. */
function failedWith(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('secret detail'), { code }) })
}

async function failureOf(exchanged: Promise<unknown>): Promise<CodedError> {
  const failure = await exchanged.then(
    () => undefined,
    error => error,
  )
  expect(failure).toBeInstanceOf(Error)
  return failure as CodedError
}

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
  it.each(['ECONNREFUSED', 'ENOTFOUND', 'CERT_HAS_EXPIRED', 'ECONNRESET', 'UND_ERR_SOCKET', ''])(
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

  it.each<[string, Body]>([
    ['nothing', ''],
    ['no body', null],
    ['HTML', '<h1>Please log in</h1>'],
    ['half of JSON', '{"id":"a'],
    ['two values', '{"id":"a"}{"id":"b"}'],
    ['another shape', '{"id":1}'],
    ['a list', '[{"id":"a"}]'],
    ['null', 'null'],
    ['text that is not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a character cut in two at its end', new Uint8Array([0x22, 0xc3])],
  ])(`${verifies('P16')} that is %s is no reply`, async (_, body) => {
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
