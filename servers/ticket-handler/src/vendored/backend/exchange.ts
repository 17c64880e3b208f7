import { CodedError } from '#call'
import { attempt, type BackendCall, type Expected, headersOf, LostReplyError } from './attempt.ts'
import type { BackendRequest } from './pinned-fetch.ts'
import type { ReadEndpoint, ReadingFetch } from './reading-fetch.ts'

/** A request that reads, and what comes back. */
export type ReadRequest<T> = Omit<BackendRequest<ReadEndpoint>, 'headers' | 'signal'> & Expected<T>

/**
 * Reads from the backend, once.
 *
 * @throws {CodedError} what the backend says, or `BACKEND_UNAVAILABLE` if it says nothing usable
 */
export async function exchange<T>(fetch: ReadingFetch, call: BackendCall, request: ReadRequest<T>): Promise<T> {
  const { endpoint, path, query, ...expected } = request
  const send = (): Promise<Response> =>
    fetch({ endpoint, path, ...(query && { query }), headers: headersOf(call), signal: call.signal })
  try {
    return await attempt(send, call, expected, fetch.holdsCredential)
  } catch (error) {
    if (!(error instanceof LostReplyError)) throw error
    throw new CodedError('BACKEND_UNAVAILABLE', `${error.message} Try again later.`, { cause: error.cause })
  }
}
