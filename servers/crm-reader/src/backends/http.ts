// Copied on purpose: a fault here must stay here.
import type { z } from 'zod'
import type { BackendCall } from '../backend.ts'
import { CodedError } from '../errors.ts'
import { refusal } from './refusal.ts'

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
