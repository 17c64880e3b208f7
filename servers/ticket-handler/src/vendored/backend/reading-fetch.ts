import { connector } from './connector.ts'
import { type BackendFetch, type BackendRequest, pinFetch } from './pinned-fetch.ts'

/** The only kind of request that reads. */
export type ReadEndpoint = `GET /${string}`

/** Sends a reading request with the credential, to the one backend that it is for. */
export type ReadingFetch = BackendFetch<BackendRequest<ReadEndpoint>>

/** Connects an adapter that only reads. */
export const authoriseReads = connector((token, base, endpoints: readonly ReadEndpoint[]): ReadingFetch => {
  const send = pinFetch(token, base, endpoints)
  const read = (request: BackendRequest<ReadEndpoint>): Promise<Response> => send('GET', request)
  return Object.assign(read, { holdsCredential: send.holdsCredential })
})
