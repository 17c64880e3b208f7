// Copied on purpose: a fault here must stay here.
import type { z } from 'zod'
import type { BackendCall } from '../backend.ts'
import { CodedError } from '../errors.ts'

/** The only kind of request that this server has. */
export type ReadEndpoint = `GET /${string}`

/** Sends one request with the credential; see credentials.ts. */
export type AuthorisedFetch = (request: {
  endpoint: ReadEndpoint
  path: string
  query?: Record<string, string>
  headers: Record<string, string>
  signal: AbortSignal
}) => Promise<Response>

export interface Exchange<T> {
  /** `GET /path/{template}`, one of the adapter's closed list. */
  readonly endpoint: ReadEndpoint
  readonly path: string
  readonly query?: Record<string, string>
  readonly reply: z.ZodType<T>
}

/** The call with a deadline on all that is done for it, retries and reading included; a drip of bytes ends there too. */
export function within(timeoutMs: number, call: BackendCall): BackendCall {
  return { ...call, signal: AbortSignal.any([call.signal, AbortSignal.timeout(timeoutMs)]) }
}

/** Decoded bytes: what is counted is what is kept, however small it was on the wire. */
const MAX_REPLY_BYTES = 1024 * 1024

/**
 * One request and its reply, judged.
 *
 * @throws {CodedError}
 */
export async function exchange<T>(fetch: AuthorisedFetch, call: BackendCall, request: Exchange<T>): Promise<T> {
  const unavailable = (message: string, cause?: unknown): CodedError =>
    new CodedError('BACKEND_UNAVAILABLE', `${message} Try again later.`, { cause })

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
      },
      signal: call.signal,
    })
  } catch (error) {
    throw unavailable(
      call.signal.aborted ? 'The backend did not answer in time.' : 'The backend cannot be reached.',
      error,
    )
  }

  if (!response.ok) {
    await response.body?.cancel().catch(() => {})
    if (response.status >= 500 && response.status !== 503) throw unavailable('The backend failed.')
    throw refusal(response)
  }
  let text: string
  try {
    text = await readBounded(response)
  } catch (error) {
    throw unavailable(
      call.signal.aborted ? 'The backend did not answer in time.' : 'The backend’s reply could not be read whole.',
      error,
    )
  }
  try {
    return request.reply.parse(JSON.parse(text))
  } catch (error) {
    throw unavailable('The backend’s reply was not what this server expects.', error)
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

/** What a status says, in words of ours: the backend's own are not passed on. */
function refusal({ status, headers }: Response): CodedError {
  const retryAfterSeconds = retryAfter(headers.get('retry-after'))
  const wait = retryAfterSeconds === undefined ? 'later' : `after ${retryAfterSeconds} seconds`
  if (status === 429)
    return new CodedError('RATE_LIMITED', `The backend’s rate limit is reached. Try again ${wait}.`, {
      retryAfterSeconds,
    })
  if (status === 503)
    return new CodedError('BACKEND_UNAVAILABLE', `The backend is not available. Try again ${wait}.`, {
      retryAfterSeconds,
    })
  if (status === 404) return new CodedError('NOT_FOUND', 'The backend has no such record.')
  if (status === 401 || status === 403)
    return new CodedError('BACKEND_REFUSED', 'The backend does not permit this server to do that. Tell the operator.')
  if (status >= 300 && status < 400)
    return new CodedError(
      'BACKEND_UNAVAILABLE',
      'The backend answered with a redirect, which is never followed. Tell the operator.',
    )
  return new CodedError('BACKEND_REFUSED', 'The backend refused these values. Change them before you try again.')
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3), as whole seconds between 1 and a day. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 1), 86_400) : undefined
}
