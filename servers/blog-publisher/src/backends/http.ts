// Copied on purpose: a fault here must stay here.
import type { z } from 'zod'
import type { BackendCall } from '../backend.ts'
import { CodedError } from '../errors.ts'
import { refusal } from './refusal.ts'

/** Sends one request with the credential; see credentials.ts. */
export type AuthorisedFetch = (request: {
  endpoint: string
  path: string
  query?: Record<string, string>
  headers: Record<string, string>
  body?: string
  signal: AbortSignal
}) => Promise<Response>

export interface Exchange<T> {
  /** `METHOD /path/{template}`, one of the adapter's closed list. */
  readonly endpoint: string
  readonly path: string
  readonly query?: Record<string, string>
  readonly body?: unknown
  /** For a write that may be asked for again: the backend then answers as it did the first time. */
  readonly idempotencyKey?: string
  readonly reply: z.ZodType<T>
  /** What to tell of a status in place of the usual. */
  readonly refusals?: Readonly<Record<number, string>>
}

/** A write was sent, and what became of it cannot be told. */
export class LostReplyError extends Error {
  override name = 'LostReplyError'
}

/** Decoded bytes: what is counted is what is kept, however small it was on the wire. */
const MAX_REPLY_BYTES = 1024 * 1024

/** Failures of connecting: the backend has not seen the request. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|UNABLE_TO_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*)$/

/**
 * One request and its reply, judged.
 *
 * @throws {CodedError} the backend did not do it, and says so
 * @throws {LostReplyError} only for a write: whether it was done is unknown
 */
export async function exchange<T>(fetch: AuthorisedFetch, call: BackendCall, request: Exchange<T>): Promise<T> {
  const isWrite = !request.endpoint.startsWith('GET ')
  const lost = (message: string, cause?: unknown): Error =>
    isWrite
      ? new LostReplyError(message, { cause })
      : new CodedError('BACKEND_UNAVAILABLE', `${message} Try again later.`, { cause })

  let response: Response
  try {
    response = await fetch({
      endpoint: request.endpoint,
      path: request.path,
      ...(request.query && { query: request.query }),
      headers: {
        accept: 'application/json',
        traceparent: call.traceparent,
        'x-request-id': call.callId,
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
        ...(request.idempotencyKey && { 'idempotency-key': request.idempotencyKey }),
      },
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      signal: call.signal,
    })
  } catch (error) {
    const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? ''
    if (NEVER_SENT.test(code))
      throw new CodedError('BACKEND_UNAVAILABLE', 'The backend cannot be reached. Try again later.', { cause: error })
    throw lost(
      call.signal.aborted ? 'The backend did not answer in time.' : 'The connection to the backend broke.',
      error,
    )
  }

  if (!response.ok) {
    await response.body?.cancel().catch(() => {})
    if (response.status >= 500 && response.status !== 503) throw lost('The backend failed.')
    throw refusal(response, request.refusals)
  }
  let text: string
  try {
    text = await readBounded(response)
  } catch (error) {
    throw lost(
      call.signal.aborted ? 'The backend did not answer in time.' : 'The backend’s reply could not be read whole.',
      error,
    )
  }
  try {
    return request.reply.parse(JSON.parse(text))
  } catch (error) {
    throw lost('The backend’s reply was not what this server expects.', error)
  }
}

/**
 * A write whose reply is lost is asked for once more under its key: then the backend answers for the first one.
 *
 * @param request.ifLost what a caller can do to find out
 * @throws {CodedError} `OUTCOME_UNKNOWN` if that is lost too, or no time is left
 */
export async function once<T>(
  fetch: AuthorisedFetch,
  call: BackendCall,
  request: Exchange<T> & { readonly idempotencyKey: string; readonly ifLost: string },
): Promise<T> {
  try {
    return await exchange(fetch, call, request)
  } catch (first) {
    if (!(first instanceof LostReplyError)) throw first
    try {
      if (!call.signal.aborted) return await exchange(fetch, call, request)
    } catch {
      // However the second attempt failed: the first may have been carried out.
    }
    const message = `The backend’s reply was lost, so this may or may not have been done. ${request.ifLost}`
    throw new CodedError('OUTCOME_UNKNOWN', message, { cause: first })
  }
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop cancels the body.
    if (bytes > MAX_REPLY_BYTES) throw new Error(`the reply is over ${MAX_REPLY_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
