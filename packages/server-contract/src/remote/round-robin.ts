import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RemoteServer } from './remote-server.ts'

/** A proxy that forwards each request to the next of several servers, without session affinity. */
export class RoundRobin {
  readonly #http: Server
  #next = 0
  /** The number of requests of each server. */
  readonly counts: number[]

  private constructor(servers: readonly RemoteServer[]) {
    this.counts = servers.map(() => 0)
    this.#http = createServer((request, response) => {
      const at = this.#next % servers.length
      this.#next += 1
      this.counts[at] = (this.counts[at] ?? 0) + 1
      const { method = '', url = '', headers } = request
      const onward = httpRequest(
        { host: '127.0.0.1', port: servers[at]?.port, method, path: url, headers, agent: false },
        reply => {
          response.writeHead(reply.statusCode ?? 502, reply.headers)
          reply.pipe(response)
        },
      )
      onward.once('error', () => response.destroy())
      response.once('close', () => onward.destroy())
      request.pipe(onward)
    })
  }

  static async start(servers: readonly RemoteServer[]): Promise<RoundRobin> {
    const proxy = new RoundRobin(servers)
    await new Promise<void>(resolve => proxy.#http.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  /** The URL of the endpoint. */
  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/mcp`
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections()
    await new Promise(resolve => this.#http.close(resolve))
  }
}
