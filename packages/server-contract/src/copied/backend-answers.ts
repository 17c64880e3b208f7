import { expect } from 'vitest'
import { z } from 'zod'

/** One request, as every copy of `backends/http.ts` has it sent. */
export interface Sent {
  readonly endpoint: string
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export type Fetch = (request: Sent) => Promise<Response>

/** A read that every server's types allow. */
export interface Read<T> {
  readonly endpoint: `GET /${string}`
  readonly path: string
  readonly query?: Record<string, string>
  readonly reply: z.ZodType<T>
}

/** How an exchange fails: with an error that has a code, unless the reply was lost. */
export interface Failure extends Error {
  readonly code?: string
  readonly retryAfterSeconds?: number
}

export const READ = { endpoint: 'GET /things/{id}', path: '/things/a', reply: z.object({ id: z.string() }) } as const

/** Codes of a connection that failed before the backend had the request. */
export const NEVER_SENT = [
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

/** Codes of one that may have failed after. */
export const MAYBE_SENT = [
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'ETIMEDOUT',
  'HPE_INVALID',
  '',
]

export type Body = ConstructorParameters<typeof Response>[0]

/** Bodies that are not what READ expects. */
export const NO_REPLIES: readonly [title: string, body: Body][] = [
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
]

/** A backend that answers one after the other; an error stands for a connection that fails. */
export function backendOf(...answers: (Response | Error | (() => Promise<Response>))[]) {
  const sent: Sent[] = []
  const fetch: Fetch = async request => {
    sent.push(request)
    const answer = answers[sent.length - 1]
    if (answer === undefined) throw new Error('asked more often than there are answers')
    if (answer instanceof Error) throw answer
    return typeof answer === 'function' ? await answer() : answer
  }
  return { fetch, sent }
}

export function json(body: unknown, init?: ResponseInit): Response {
  return new Response(JSON.stringify(body), init)
}

/** What fetch throws where the connection failed with a code of the system's. */
export function failedWith(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('secret detail'), { code }) })
}

export async function failureOf(exchanged: Promise<unknown>): Promise<Failure> {
  const failure = await exchanged.then(
    () => undefined,
    error => error,
  )
  expect(failure).toBeInstanceOf(Error)
  return failure as Failure
}
