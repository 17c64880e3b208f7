import { expect } from 'vitest'
import * as z from 'zod'
import { createEchoCheck } from '../../src/backend/credential-echo.ts'
import type { WritingFetch } from '../../src/backend/writes/writing-fetch.ts'

type Sent = Parameters<WritingFetch>[0]

/** What is common to the errors that a request can end with. */
interface Failure extends Error {
  readonly code?: string
  readonly retryAfterSeconds?: number
}

/** A request that reads. */
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

/** Codes of a connection that may have failed after the backend had the request. */
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

/** Bodies that are not what `READ` expects. */
export const NO_REPLIES: readonly [title: string, body: Body][] = [
  ['nothing', ''],
  ['no body', null],
  ['HTML', '<h1>Please log in</h1>'],
  ['half of JSON', '{"id":"a'],
  ['two values', '{"id":"a"}{"id":"b"}'],
  ['another shape', '{"id":1}'],
  ['a list', '[{"id":"a"}]'],
  ['null', 'null'],
  ['an object with a key that is not UTF-8', Buffer.from('{"\xff":1}', 'latin1')],
  ['an object with a value that is not UTF-8', Buffer.from('{"id":"\xff"}', 'latin1')],
  ['a character cut in two', new Uint8Array([0x22, 0xc3])],
  ['an object, followed by half of a character', Buffer.from('{"id":"a"}\xc3', 'latin1')],
]

/** The credential that the fake backend’s requests are sent with. */
export const TOKEN = 'nd_fake_7f3a9c51e2b84d60a1c5'

/** A backend that gives one answer after the other. An error stands for a connection that fails. */
export function backendOf(...answers: (Response | Error | (() => Promise<Response>))[]) {
  const sent: Sent[] = []
  const send = async (request: Sent): Promise<Response> => {
    sent.push(request)
    const answer = answers[sent.length - 1]
    if (answer === undefined) throw new Error('there were more requests than answers')
    if (answer instanceof Error) throw answer
    return typeof answer === 'function' ? await answer() : answer
  }
  const fetch: WritingFetch = Object.assign(send, { holdsCredential: createEchoCheck(TOKEN) })
  return { fetch, sent }
}

export function json(body: unknown): Response {
  return new Response(JSON.stringify(body))
}

/** What fetch throws where the connection failed with this code. */
export function failedWith(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('secret detail'), { code }) })
}

/** What a request ends with. Fails the test if it does not fail. */
export async function failureOf(request: Promise<unknown>): Promise<Failure> {
  const failure = await request.then(
    () => undefined,
    error => error,
  )
  expect(failure).toBeInstanceOf(Error)
  return failure as Failure
}
