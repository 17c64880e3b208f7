import { describe, expect, it } from 'vitest'
import { CodedError } from '#call'
import { callOf } from '../../../test/backend/backend-call.ts'
import {
  backendOf,
  failedWith,
  failureOf,
  json,
  MAYBE_SENT,
  NEVER_SENT,
  NO_REPLIES,
  READ,
} from '../../../test/backend/fake-backend.ts'
import { within } from '../deadline.ts'
import { writeOnce } from './write-once.ts'
import type { WritingFetch } from './writing-fetch.ts'

const WRITE = {
  endpoint: 'POST /things',
  path: '/things',
  body: { a: 1 },
  idempotencyKey: 'key-1',
  reply: READ.reply,
  ifLost: 'Look at the thing.',
} as const

describe('a write', () => {
  it(`${verifies('P14')} carries its body as JSON, and the key that it can be repeated under`, async () => {
    const { fetch, sent } = backendOf(json({ id: 'b' }))
    const call = callOf()
    expect(await writeOnce(fetch, call, { ...WRITE, query: { q: '1' } })).toEqual({ id: 'b' })
    expect(sent).toEqual([
      {
        endpoint: WRITE.endpoint,
        path: WRITE.path,
        query: { q: '1' },
        headers: {
          accept: 'application/json',
          traceparent: call.traceparent,
          'x-request-id': 'call-1',
          'content-type': 'application/json',
          'idempotency-key': 'key-1',
        },
        body: '{"a":1}',
        signal: call.signal,
      },
    ])
    expect(sent[0]?.signal).toBe(call.signal)
  })

  it('has no query unless it is given one', async () => {
    const { fetch, sent } = backendOf(json({ id: 'b' }))
    await writeOnce(fetch, callOf(), WRITE)
    expect(sent[0]).not.toHaveProperty('query')
  })

  it.each(NEVER_SENT)(
    `${verifies('P14')} whose connection fails with %s was not done: it is not repeated`,
    async code => {
      const { fetch, sent } = backendOf(failedWith(code))
      const failure = await failureOf(writeOnce(fetch, callOf(), WRITE))
      expect(failure).toBeInstanceOf(CodedError)
      expect(failure).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
      expect(failure.message).not.toContain('secret detail')
      expect(sent).toHaveLength(1)
    },
  )

  it.each([
    [302, 'BACKEND_UNAVAILABLE'],
    [400, 'BACKEND_REFUSED'],
    [401, 'BACKEND_REFUSED'],
    [403, 'BACKEND_REFUSED'],
    [404, 'NOT_FOUND'],
    [409, 'BACKEND_REFUSED'],
    [422, 'BACKEND_REFUSED'],
    [429, 'RATE_LIMITED'],
    [503, 'BACKEND_UNAVAILABLE'],
  ])(
    `${verifies('P14')} that is answered with %i was judged by the backend: it is not repeated`,
    async (status, code) => {
      const { fetch, sent } = backendOf(new Response('', { status }))
      const failure = await failureOf(writeOnce(fetch, callOf(), WRITE))
      expect(failure).toBeInstanceOf(CodedError)
      expect(failure).toMatchObject({ code })
      expect(sent).toHaveLength(1)
    },
  )

  it('is refused in the adapter’s own message where it has one', async () => {
    const refusedWith = (status: number) => {
      const { fetch } = backendOf(new Response('', { status }))
      return failureOf(writeOnce(fetch, callOf(), { ...WRITE, refusals: { 409: 'There is one already.' } }))
    }
    expect((await refusedWith(409)).message).toBe('There is one already.')
    expect((await refusedWith(422)).message).not.toContain('already')
  })
})

describe('a write whose reply is lost', () => {
  it.each<[string, () => Response | Error]>([
    ...MAYBE_SENT.map((code): [string, () => Error] => [
      `a connection that fails with “${code}”`,
      () => failedWith(code),
    ]),
    ...[500, 502, 504, 520].map((status): [string, () => Response] => [
      `the status ${status}`,
      () => new Response('', { status }),
    ]),
    ...NO_REPLIES.map(([title, body]): [string, () => Response] => [
      `a reply that is ${title}`,
      () => new Response(body),
    ]),
  ])(`${verifies('P14', 'P16')} by %s is repeated once, with the same key and body`, async (_, lost) => {
    const { fetch, sent } = backendOf(lost(), json({ id: 'a' }))
    expect(await writeOnce(fetch, callOf(), WRITE)).toEqual({ id: 'a' })
    expect(sent).toHaveLength(2)
    expect(sent[1]).toEqual(sent[0])
    expect(sent[1]?.headers['idempotency-key']).toBe('key-1')
  })

  it.each<[string, Response | Error]>([
    ['lost, too', failedWith('ECONNRESET')],
    ['never sent', failedWith('ECONNREFUSED')],
    ['refused', new Response('', { status: 409 })],
    ['limited', new Response('', { status: 429, headers: { 'retry-after': '9' } })],
    ['not found', new Response('', { status: 404 })],
    ['a failure of the backend', new Response('', { status: 500 })],
  ])(
    `${verifies('P14')} is of unknown outcome if the second attempt is %s, and there is no third`,
    async (_, second) => {
      const first = failedWith('ECONNRESET')
      const { fetch, sent } = backendOf(first, second)
      const failure = await failureOf(writeOnce(fetch, callOf(), WRITE))
      expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryAfterSeconds: undefined, cause: { cause: first } })
      expect(failure.message).toContain('may or may not have been done. Look at the thing.')
      expect(failure.message).not.toContain('secret detail')
      expect(sent).toHaveLength(2)
    },
  )

  it(`${verifies('P14')} is not repeated if no time is left, or the call is cancelled`, async () => {
    const controller = new AbortController()
    const { fetch, sent } = backendOf(async () => {
      controller.abort()
      throw failedWith('ECONNRESET')
    })
    const failure = await failureOf(writeOnce(fetch, callOf(controller.signal), WRITE))
    expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(sent).toHaveLength(1)
  })

  it(`${verifies('P16')} has one deadline for both attempts`, async () => {
    let asked = 0
    const send = async ({ signal }: { readonly signal: AbortSignal }): Promise<Response> => {
      asked += 1
      if (asked === 1) throw failedWith('ECONNRESET')
      return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const fetch: WritingFetch = Object.assign(send, { holdsCredential: () => false })
    const failure = await failureOf(within(20, callOf(), call => writeOnce(fetch, call, WRITE)))
    expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(asked).toBe(2)
  })
})
