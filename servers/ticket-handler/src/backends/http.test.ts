// Copied on purpose, as its source is.
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { BackendCall } from '../backend.ts'
import { CodedError } from '../errors.ts'
import { type AuthorisedFetch, type Exchange, exchange, LostReplyError, once } from './http.ts'

const MEBIBYTE = 1024 * 1024

function callOf(signal = new AbortController().signal): BackendCall {
  return { signal, callId: 'call-1', callerId: 'os:1@desk', traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` }
}

const READ = { endpoint: 'GET /things/{id}', path: '/things/a', reply: z.object({ id: z.string() }) } as const
const WRITE = { ...READ, endpoint: 'POST /things', path: '/things', body: { a: 1 }, idempotencyKey: 'key-1' } as const

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

async function failureOf(exchanged: Promise<unknown>): Promise<CodedError & LostReplyError> {
  const failure = await exchanged.then(
    () => undefined,
    error => error,
  )
  expect(failure).toBeInstanceOf(Error)
  return failure as CodedError & LostReplyError
}

/** A reply of this status, judged as a read’s. */
async function refusedWith(
  status: number,
  headers: Record<string, string> = {},
  extra: Partial<Exchange<unknown>> = {},
) {
  const response = new Response(status === 304 ? null : 'the backend’s own words', { status, headers })
  const failure = await failureOf(exchange(backendOf(response).fetch, callOf(), { ...READ, ...extra }))
  expect(failure.message).not.toContain('own words')
  return failure
}

describe('a request', () => {
  it(`${verifies('P14')} carries the call’s trace and id, and a key only if it is a write that may be asked for again`, async () => {
    const { fetch, sent } = backendOf(json({ id: 'a' }), json({ id: 'b' }))
    const call = callOf()
    expect(await exchange(fetch, call, { ...READ, query: { q: '1' } })).toEqual({ id: 'a' })
    expect(await exchange(fetch, call, WRITE)).toEqual({ id: 'b' })
    const headers = { accept: 'application/json', traceparent: call.traceparent, 'x-request-id': 'call-1' }
    const { signal } = call
    expect(sent).toEqual([
      { endpoint: READ.endpoint, path: READ.path, query: { q: '1' }, headers, signal },
      {
        endpoint: WRITE.endpoint,
        path: WRITE.path,
        headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': 'key-1' },
        body: '{"a":1}',
        signal,
      },
    ])
  })
})

describe('a backend that does not answer', () => {
  const NEVER_SENT = [
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'CERT_HAS_EXPIRED',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
  ]
  const MAYBE_SENT = [
    'ECONNRESET',
    'EPIPE',
    'UND_ERR_SOCKET',
    'UND_ERR_HEADERS_TIMEOUT',
    'ETIMEDOUT',
    'HPE_INVALID',
    '',
  ]

  it.each(NEVER_SENT)(`${verifies('P14')} was not reached, if that is %s`, async code => {
    for (const request of [READ, WRITE]) {
      const failure = await failureOf(exchange(backendOf(failedWith(code)).fetch, callOf(), request))
      expect(failure).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
      expect(failure.message).not.toContain('secret detail')
    }
    // So there is nothing to ask again for.
    const { fetch, sent } = backendOf(failedWith(code))
    await failureOf(once(fetch, callOf(), { ...WRITE, ifLost: 'Look.' }))
    expect(sent).toHaveLength(1)
  })

  it.each(MAYBE_SENT)(`${verifies('P14')} may have done it, if that is %j`, async code => {
    const read = await failureOf(exchange(backendOf(failedWith(code)).fetch, callOf(), READ))
    expect(read).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    const write = await failureOf(exchange(backendOf(failedWith(code)).fetch, callOf(), WRITE))
    expect(write).toBeInstanceOf(LostReplyError)
  })

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

  it(`${verifies('P14')} of a write that the backend judged is final, one that says it broke is not`, async () => {
    for (const status of [302, 400, 401, 403, 404, 409, 422, 429, 503]) {
      const failure = await failureOf(exchange(backendOf(new Response('', { status })).fetch, callOf(), WRITE))
      expect(failure, String(status)).toBeInstanceOf(CodedError)
    }
    for (const status of [500, 502, 504, 520]) {
      const failure = await failureOf(exchange(backendOf(new Response('', { status })).fetch, callOf(), WRITE))
      expect(failure, String(status)).toBeInstanceOf(LostReplyError)
    }
  })

  it('has a text of the adapter’s own where it gives one', async () => {
    const refusals = { 409: 'There is one already.' }
    expect((await refusedWith(409, {}, { refusals })).message).toBe('There is one already.')
    expect((await refusedWith(422, {}, { refusals })).message).not.toContain('already')
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
  ])(`${verifies('P16')} that is %s is no reply: what a read could not read, and a write lost`, async (_, body) => {
    const read = await failureOf(readReply(body))
    expect(read).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    expect(read.message).not.toContain('log in')
    const write = exchange(backendOf(new Response(body)).fetch, callOf(), WRITE)
    expect(await failureOf(write)).toBeInstanceOf(LostReplyError)
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

describe('a write whose reply is lost', () => {
  const lostWrite = { ...WRITE, ifLost: 'Look at the thing.' }

  it(`${verifies('P14')} is asked for once more, under the same key and with the same body`, async () => {
    for (const lost of [failedWith('ECONNRESET'), new Response('', { status: 500 }), new Response('<h1>')]) {
      const { fetch, sent } = backendOf(lost, json({ id: 'a' }))
      expect(await once(fetch, callOf(), lostWrite)).toEqual({ id: 'a' })
      expect(sent[1]).toEqual(sent[0])
    }
  })

  it.each<[string, Response | Error]>([
    ['lost, too', failedWith('ECONNRESET')],
    ['never sent', failedWith('ECONNREFUSED')],
    ['refused', new Response('', { status: 409 })],
    ['limited', new Response('', { status: 429, headers: { 'retry-after': '9' } })],
    ['not found', new Response('', { status: 404 })],
    ['broken', new Response('', { status: 500 })],
  ])(
    `${verifies('P14')} is of unknown outcome when the second attempt is %s, and there is no third`,
    async (_, second) => {
      const { fetch, sent } = backendOf(failedWith('ECONNRESET'), second)
      const failure = await failureOf(once(fetch, callOf(), lostWrite))
      expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryAfterSeconds: undefined })
      expect(failure.message).toContain('may or may not have been done. Look at the thing.')
      expect(sent).toHaveLength(2)
    },
  )

  it(`${verifies('P14')} is not asked for again when no time is left, or the call is cancelled`, async () => {
    const controller = new AbortController()
    const { fetch, sent } = backendOf(async () => {
      controller.abort()
      throw failedWith('ECONNRESET')
    })
    const failure = await failureOf(once(fetch, callOf(controller.signal), lostWrite))
    expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(sent).toHaveLength(1)
  })

  it(`${verifies('P14')} is not asked for again when the backend answered: its word stands`, async () => {
    for (const status of [400, 401, 403, 404, 409, 422, 429, 503]) {
      const { fetch, sent } = backendOf(new Response('', { status }))
      expect(await failureOf(once(fetch, callOf(), lostWrite))).toBeInstanceOf(CodedError)
      expect(sent).toHaveLength(1)
    }
  })
})
