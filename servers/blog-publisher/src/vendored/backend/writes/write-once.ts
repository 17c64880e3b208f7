import { CodedError } from '#call'
import { attempt, type BackendCall, type Expected, headersOf, LostReplyError } from '../attempt.ts'
import type { BackendRequest } from '../pinned-fetch.ts'
import type { WriteEndpoint, WritingFetch } from './writing-fetch.ts'

/** A request that writes, and what comes back. */
export type WriteRequest<T> = Omit<BackendRequest<WriteEndpoint>, 'headers' | 'signal'> &
  Expected<T> & {
    /** Sent as JSON. */
    readonly body: unknown
    /** Under the same key, the backend answers a second request as it did the first, and does nothing again. */
    readonly idempotencyKey: string
    /** What a caller can do to find out whether the write was carried out. */
    readonly ifLost: string
  }

/**
 * Writes to the backend. If the reply is lost, the request is sent once more under its key: the backend then answers for
 * the first one.
 *
 * @throws {CodedError} what the backend says; `OUTCOME_UNKNOWN` if the second reply is lost too, or no time is left
 */
export async function writeOnce<T>(fetch: WritingFetch, call: BackendCall, request: WriteRequest<T>): Promise<T> {
  const { endpoint, path, query, body, idempotencyKey, ifLost, ...expected } = request
  const headers = { ...headersOf(call), 'content-type': 'application/json', 'idempotency-key': idempotencyKey }
  const text = JSON.stringify(body)
  const send = (): Promise<Response> =>
    fetch({ endpoint, path, ...(query && { query }), headers, body: text, signal: call.signal })
  try {
    return await attempt(send, call, expected, fetch.holdsCredential)
  } catch (first) {
    if (!(first instanceof LostReplyError)) throw first
    try {
      if (!call.signal.aborted) return await attempt(send, call, expected, fetch.holdsCredential)
    } catch {
      // However the second attempt failed: the first may have been carried out.
    }
    const message = `The backend’s reply was lost, so this may or may not have been done. ${ifLost}`
    throw new CodedError('OUTCOME_UNKNOWN', message, { cause: first })
  }
}
