import { connector } from '../connector.ts'
import { type BackendFetch, type BackendRequest, pinFetch } from '../pinned-fetch.ts'
import type { ReadEndpoint } from '../reading-fetch.ts'

/** There is no DELETE: nothing in a server can delete. */
export type WriteEndpoint = `${'POST' | 'PUT' | 'PATCH'} /${string}`

type WritingRequest = BackendRequest<ReadEndpoint | WriteEndpoint> & { readonly body?: string }

/** Sends a request with the credential, to the one backend that it is for. */
export type WritingFetch = BackendFetch<WritingRequest>

/** Connects an adapter that reads and writes. */
export const authoriseWrites = connector(
  (token, base, endpoints: readonly (ReadEndpoint | WriteEndpoint)[]): WritingFetch => {
    const send = pinFetch(token, base, endpoints)
    const write = ({ body, ...request }: WritingRequest): Promise<Response> =>
      send(request.endpoint.split(' ', 1)[0] ?? '', request, body)
    return Object.assign(write, { holdsCredential: send.holdsCredential })
  },
)
