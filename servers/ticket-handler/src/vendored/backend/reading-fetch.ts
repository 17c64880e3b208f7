import { connector } from './connector.ts'
import { type BackendRequest, pinFetch } from './pinned-fetch.ts'

/** The only kind of request that reads. */
export type ReadEndpoint = `GET /${string}`

/** Sends a reading request with the credential, to the one backend that it is for. */
export type ReadingFetch = (request: BackendRequest<ReadEndpoint>) => Promise<Response>

/** Connects an adapter that only reads. */
export const authoriseReads = connector((token, base, endpoints: readonly ReadEndpoint[]): ReadingFetch => {
  const send = pinFetch(token, base, endpoints)
  return request => send('GET', request)
})
