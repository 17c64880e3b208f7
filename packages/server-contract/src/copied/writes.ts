import { describe, expect, it } from 'vitest'
import {
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
import type { Within } from './deadline.ts'

interface Write<T> extends Omit<Read<T>, 'endpoint'> {
  readonly endpoint: string
  readonly body: unknown
  readonly idempotencyKey: string
  readonly refusals?: Readonly<Record<number, string>>
}

interface Copy {
  readonly exchange: <T>(fetch: Fetch, call: BackendCall, request: Write<T>) => Promise<T>
  readonly once: <T>(fetch: Fetch, call: BackendCall, request: Write<T> & { readonly ifLost: string }) => Promise<T>
  readonly within: Within
  readonly LostReplyError: new (message: string) => Error
  readonly CodedError: abstract new (...args: never[]) => Error
}

const WRITE = { ...READ, endpoint: 'POST /things', path: '/things', body: { a: 1 }, idempotencyKey: 'key-1' } as const

/** What the copies of `backends/http.ts` of servers that write have to prove besides. */
export function describeWrites({ exchange, once, within, LostReplyError, CodedError }: Copy): void {
  describe('a write', () => {
    it(`${verifies('P14')} carries what it writes, and a key to be asked for again under`, async () => {
      const { fetch, sent } = backendOf(json({ id: 'b' }))
      const call = callOf()
      expect(await exchange(fetch, call, WRITE)).toEqual({ id: 'b' })
      expect(sent).toEqual([
        {
          endpoint: WRITE.endpoint,
          path: WRITE.path,
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
    })

    it.each(NEVER_SENT)(
      `${verifies('P14')} was not done, if the connection fails with %s: nothing to ask again for`,
      async code => {
        const failure = await failureOf(exchange(backendOf(failedWith(code)).fetch, callOf(), WRITE))
        expect(failure).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
        expect(failure.message).not.toContain('secret detail')
        const { fetch, sent } = backendOf(failedWith(code))
        await failureOf(once(fetch, callOf(), { ...WRITE, ifLost: 'Look.' }))
        expect(sent).toHaveLength(1)
      },
    )

    it.each(MAYBE_SENT)(`${verifies('P14')} may have been done, if the connection fails with %j`, async code => {
      const write = exchange(backendOf(failedWith(code)).fetch, callOf(), WRITE)
      expect(await failureOf(write)).toBeInstanceOf(LostReplyError)
    })

    it(`${verifies('P14')} is over when the backend judged it, and not when it says that it broke`, async () => {
      for (const status of [302, 400, 401, 403, 404, 409, 422, 429, 503]) {
        const failure = await failureOf(exchange(backendOf(new Response('', { status })).fetch, callOf(), WRITE))
        expect(failure, String(status)).toBeInstanceOf(CodedError)
      }
      for (const status of [500, 502, 504, 520]) {
        const failure = await failureOf(exchange(backendOf(new Response('', { status })).fetch, callOf(), WRITE))
        expect(failure, String(status)).toBeInstanceOf(LostReplyError)
      }
    })

    it('is refused in a text of the adapter’s own where it gives one', async () => {
      const refusedWith = (status: number) => {
        const { fetch } = backendOf(new Response('', { status }))
        return failureOf(exchange(fetch, callOf(), { ...WRITE, refusals: { 409: 'There is one already.' } }))
      }
      expect((await refusedWith(409)).message).toBe('There is one already.')
      expect((await refusedWith(422)).message).not.toContain('already')
    })

    it.each(NO_REPLIES)(`${verifies('P16')} is lost, if its reply is %s`, async (_, body) => {
      const write = exchange(backendOf(new Response(body)).fetch, callOf(), WRITE)
      expect(await failureOf(write)).toBeInstanceOf(LostReplyError)
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

    it(`${verifies('P16')} has one deadline for both attempts`, async () => {
      let asked = 0
      const fetch: Fetch = async ({ signal }) => {
        asked += 1
        if (asked === 1) throw failedWith('ECONNRESET')
        return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
      const failure = await failureOf(within(20, callOf(), call => once(fetch, call, lostWrite)))
      expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
      expect(asked).toBe(2)
    })
  })
}
