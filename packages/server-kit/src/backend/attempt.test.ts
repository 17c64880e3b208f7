import { describe, expect, it } from 'vitest'
import { CodedError } from '#call'
import { callOf } from '../../test/backend/backend-call.ts'
import {
  type Body,
  failedWith,
  failureOf,
  json,
  MAYBE_SENT,
  NEVER_SENT,
  NO_REPLIES,
  READ,
  TOKEN,
} from '../../test/backend/fake-backend.ts'
import { attempt, headersOf, LostReplyError } from './attempt.ts'
import { createEchoCheck } from './credential-echo.ts'

const MEBIBYTE = 1024 * 1024

/** One attempt that gets this answer. An error stands for a connection that fails. */
function attemptWith(answer: Response | Error, { signal = new AbortController().signal, refusals = {} } = {}) {
  const send = async (): Promise<Response> => {
    if (answer instanceof Error) throw answer
    return answer
  }
  return attempt(send, callOf(signal), { reply: READ.reply, refusals }, createEchoCheck(TOKEN))
}

/** A body of equal chunks, as many as are pulled. */
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

describe('the headers of a request', () => {
  it(`${verifies('P14')} name the call and its trace to the backend`, () => {
    const call = callOf()
    expect(headersOf(call)).toEqual({
      accept: 'application/json',
      traceparent: call.traceparent,
      'x-request-id': 'call-1',
    })
  })
})

describe('a connection that fails', () => {
  it.each(NEVER_SENT)(`${verifies('P14')} with %s: the backend has not done it`, async code => {
    const error = failedWith(code)
    const failure = await failureOf(attemptWith(error))
    expect(failure).toBeInstanceOf(CodedError)
    expect(failure).toMatchObject({ code: 'BACKEND_UNAVAILABLE', cause: error })
    expect(failure.message).not.toContain('secret detail')
  })

  it.each(MAYBE_SENT)(`${verifies('P14')} with %j: the backend may have done it`, async code => {
    const error = failedWith(code)
    const failure = await failureOf(attemptWith(error))
    expect(failure).toBeInstanceOf(LostReplyError)
    expect(failure).toMatchObject({ message: 'The connection to the backend broke.', cause: error })
  })

  it(`${verifies('P14')} for no known reason: the backend may have done it`, async () => {
    for (const error of [new Error('x'), new TypeError('fetch failed', { cause: null })])
      expect(await failureOf(attemptWith(error))).toBeInstanceOf(LostReplyError)
  })

  it('because its time was over, is reported as that', async () => {
    const failure = await failureOf(attemptWith(new DOMException('x', 'AbortError'), { signal: AbortSignal.abort() }))
    expect(failure).toBeInstanceOf(LostReplyError)
    expect(failure.message).toBe('The backend did not answer in time.')
  })
})

describe('a status', () => {
  it.each([300, 302, 304, 400, 401, 403, 404, 409, 422, 429, 503])(
    `${verifies('P14')} of %i is the backend’s judgement: it has not done it`,
    async status => {
      const response = new Response(status === 304 ? null : '', { status })
      expect(await failureOf(attemptWith(response))).toBeInstanceOf(CodedError)
    },
  )

  it.each([500, 501, 502, 504, 520, 599])(
    `${verifies('P14')} of %i is a failure of the backend: it may have done it`,
    async status => {
      const failure = await failureOf(attemptWith(new Response('the backend’s own words', { status })))
      expect(failure).toBeInstanceOf(LostReplyError)
      expect(failure.message).toBe('The backend failed.')
    },
  )

  it(`${verifies('P14')} of 429 keeps its Retry-After`, async () => {
    const response = new Response('', { status: 429, headers: { 'retry-after': '7' } })
    expect(await failureOf(attemptWith(response))).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 7 })
  })

  it('is told in the adapter’s own message where it has one', async () => {
    const failure = await failureOf(
      attemptWith(new Response('', { status: 409 }), { refusals: { 409: 'There is one already.' } }),
    )
    expect(failure.message).toBe('There is one already.')
  })

  it.each([400, 500])(`${verifies('P16')} of %i has its body cancelled unread`, async status => {
    const { state, body } = streamOf(new Uint8Array(1024), Number.POSITIVE_INFINITY)
    await failureOf(attemptWith(new Response(body, { status })))
    expect(state.cancelled).toBe(true)
  })

  it.each([
    [429, 'RATE_LIMITED'],
    [503, 'BACKEND_UNAVAILABLE'],
  ])(`${verifies('P14', 'P16')} of %i stands even if its body cannot be cancelled`, async (status, code) => {
    const body = new ReadableStream({
      cancel: () => Promise.reject(new Error('reset')),
    })
    const response = new Response(body, { status, headers: { 'retry-after': '7' } })
    expect(await failureOf(attemptWith(response))).toMatchObject({ code, retryAfterSeconds: 7 })
  })
})

describe('a reply', () => {
  const readReply = (body: Body) => attemptWith(new Response(body))

  it('is what the schema makes of it: unknown fields are left behind', async () => {
    expect(await attemptWith(json({ id: 'a', more: 1 }))).toEqual({ id: 'a' })
  })

  it(`${verifies('P16')} is read up to one mebibyte and not a byte further`, async () => {
    const padding = (size: number) => `{"id":"${'x'.repeat(size - 9)}"}`
    expect(padding(MEBIBYTE)).toHaveLength(MEBIBYTE)
    expect(await readReply(padding(MEBIBYTE))).toMatchObject({ id: expect.stringMatching(/^x+$/) })
    const failure = await failureOf(readReply(padding(MEBIBYTE + 1)))
    expect(failure).toBeInstanceOf(LostReplyError)
    expect(failure.message).toBe('The backend’s reply could not be read whole.')
  })

  it(`${verifies('P16')} without an end is cancelled once it is too long`, async () => {
    const { state, body } = streamOf(new Uint8Array(64 * 1024).fill(32), Number.POSITIVE_INFINITY)
    expect(await failureOf(readReply(body))).toBeInstanceOf(LostReplyError)
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

  it.each(NO_REPLIES)(`${verifies('P16')} that is %s is lost`, async (_, body) => {
    const failure = await failureOf(readReply(body))
    expect(failure).toBeInstanceOf(LostReplyError)
    expect(failure.message).not.toContain('log in')
    expect(failure.cause).toBeInstanceOf(Error)
  })

  const brokenOff = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode('{"id":"a"}'))
        controller.error(new Error('reset'))
      },
    })

  it(`${verifies('P16')} that breaks off is lost`, async () => {
    const failure = await failureOf(readReply(brokenOff()))
    expect(failure).toBeInstanceOf(LostReplyError)
    expect(failure).toMatchObject({
      message: 'The backend’s reply could not be read whole.',
      cause: { message: 'reset' },
    })
  })

  it(`${verifies('P16')} that breaks off because its time was over is lost, and reported as that`, async () => {
    const failure = await failureOf(attemptWith(new Response(brokenOff()), { signal: AbortSignal.abort() }))
    expect(failure).toBeInstanceOf(LostReplyError)
    expect(failure.message).toBe('The backend did not answer in time.')
  })
})

describe('a reply that holds the credential', () => {
  const half = TOKEN.length / 2

  it.each<[string, object]>([
    ['as it is', { id: TOKEN }],
    ['within a text', { id: `Authorization: Bearer ${TOKEN}\n` }],
    ['as a key', { id: 'a', [TOKEN]: 1 }],
    ['in a field that nobody asked for', { id: 'a', debug: { headers: [TOKEN] } }],
    ['percent-encoded', { id: [...TOKEN].map(letter => `%${letter.charCodeAt(0).toString(16)}`).join('') }],
    ['in base64', { id: Buffer.from(`Bearer ${TOKEN} `).toString('base64') }],
    ['in two fields', { id: TOKEN.slice(0, half), rest: TOKEN.slice(half) }],
  ])(`${verifies('P5', 'P11')} is withheld: %s`, async (_, body) => {
    const failure = await failureOf(attemptWith(json(body)))
    expect(failure).toBeInstanceOf(LostReplyError)
    expect(failure.message).toBe('The backend’s reply held this server’s credential and was withheld.')
    expect(failure.cause).toBeUndefined()
  })

  it(`${verifies('P5')} is withheld if JSON escapes hide the credential`, async () => {
    const escaped = [...TOKEN].map(letter => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')
    const failure = await failureOf(attemptWith(new Response(`{"id":"${escaped}"}`)))
    expect(failure.message).toContain('credential')
  })
})
