import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

export interface IncomingOptions {
  readonly method?: string
  readonly url?: string
  /** Name and value, once for each line of the request’s head. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** The peer’s address. Null: the connection is gone. */
  readonly address?: string | null
}

/** The head of a request, as Node’s HTTP server presents it. */
export function incoming({ method = 'POST', url = '/mcp', headers = [], address = '192.0.2.7' }: IncomingOptions = {}) {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: address ?? undefined })
  const request = new IncomingMessage(socket)
  const distinct: Record<string, string[]> = {}
  for (const [name, value] of headers) distinct[name.toLowerCase()] = [...(distinct[name.toLowerCase()] ?? []), value]
  request.method = method
  request.url = url
  request.headersDistinct = distinct
  // Node keeps the first value of the headers that may stand once only.
  request.headers = Object.fromEntries(Object.entries(distinct).map(([name, [value = '']]) => [name, value]))
  return request
}
