import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the proxy does with one request. After a fault in the reply, the backend has executed the request. */
export const PROXY_FAULTS = [
  'reply lost',
  'reply cut',
  'reply replaced by a 502',
  'reply replaced by HTML',
  'reply replaced by other JSON',
  'request lost',
  'request answered with 500',
] as const
export type ProxyFault = (typeof PROXY_FAULTS)[number]

export interface ForwardedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A proxy in front of a backend that loses requests and replies. By default it forwards everything. */
export class FaultyProxy {
  /** Every request that the proxy received. */
  readonly sent: ForwardedRequest[] = []
  /** Chooses the fault of a request, if it has any. */
  faultOf: (request: ForwardedRequest) => ProxyFault | undefined = () => undefined
  readonly #backendUrl: string
  readonly #server: Server

  private constructor(backendUrl: string) {
    this.#backendUrl = backendUrl
    this.#server = createServer((request, response) => {
      void this.#forward(request, response).catch(() => response.destroy())
    })
  }

  static async start(backendUrl: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(backendUrl)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** The base URL of the API behind the proxy. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}${new URL(this.#backendUrl).pathname}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #forward(...[request, response]: Parameters<NonNullable<Parameters<typeof createServer>[1]>>): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { method = '', url = '', headers } = request
    const forwarded = { method, url, headers, body }
    this.sent.push(forwarded)
    const fault = this.faultOf(forwarded)
    if (fault === 'request lost') return void request.socket.destroy()
    if (fault === 'request answered with 500') return void response.writeHead(500).end('{"error":"broken"}')

    const { host: _, connection: __, ...passed } = headers
    const answer = await fetch(new URL(url, this.#backendUrl), {
      method,
      headers: passed as Record<string, string>,
      ...(body && { body }),
    })
    const text = await answer.text()
    if (fault === 'reply lost') return void request.socket.destroy()
    if (fault === 'reply replaced by a 502') return void response.writeHead(502).end('<h1>Bad gateway</h1>')
    if (fault === 'reply replaced by HTML') return void response.writeHead(200).end('<h1>Please log in</h1>')
    if (fault === 'reply replaced by other JSON') return void response.writeHead(200).end('{"ok":true}')
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(answer.headers.has('retry-after') && { 'retry-after': answer.headers.get('retry-after') ?? '' }),
    })
    if (fault === 'reply cut') {
      response.write(text.slice(0, text.length / 2))
      return void setImmediate(() => request.socket.destroy())
    }
    response.end(text)
  }
}
