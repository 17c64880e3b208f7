import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import type { ApiAccess } from '@narrow-deputies/demo-stack'

/** A request that the backend received. */
export interface Arrival {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Whether the client closed the connection before the reply was complete. */
  readonly isAbandoned: () => boolean
}

/** Answers a request. `real` forwards it to the real backend. */
export type Behaviour = (response: ServerResponse, arrival: Arrival, real: () => Promise<RealReply>) => unknown

export interface RealReply {
  readonly status: number
  readonly json: unknown
}

/** A backend whose replies a test controls. By default it forwards every request to the real backend. */
export class HostileBackend {
  readonly arrivals: Arrival[] = []
  behave: Behaviour = passOn
  readonly #real: ApiAccess
  readonly #server: Server
  #expecting: (() => void)[] = []

  private constructor(real: ApiAccess) {
    this.#real = real
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(real: ApiAccess): Promise<HostileBackend> {
    const backend = new HostileBackend(real)
    await new Promise<void>(resolve => backend.#server.listen(0, '127.0.0.1', resolve))
    return backend
  }

  /** The base URL of the API. */
  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}${new URL(this.#real.url).pathname}`
  }

  /** Forwards all requests to the real backend again. */
  recover(): void {
    this.behave = passOn
  }

  /** Holds all replies back until the returned function is called. */
  hold(): () => void {
    let release = (): void => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    this.behave = async (response, arrival, real) => {
      await released
      await passOn(response, arrival, real)
    }
    return release
  }

  /** Resolves when it has received `count` requests since it started. */
  async arrived(count: number): Promise<void> {
    while (this.arrivals.length < count) await new Promise<void>(resolve => this.#expecting.push(resolve))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const isAbandoned = (): boolean => response.closed && !response.writableEnded
    response.on('error', () => {})
    const { method = '', url = '', headers } = request
    const arrival = { method, url, headers, body: Buffer.concat(chunks).toString(), isAbandoned }
    this.arrivals.push(arrival)
    for (const expecting of this.#expecting.splice(0)) expecting()
    try {
      await this.behave(response, arrival, () => this.#ask(arrival))
    } catch {
      // The client closed the connection.
      response.destroy()
    }
  }

  async #ask({ method, url, headers, body }: Arrival): Promise<RealReply> {
    const passedOn = ['authorization', 'content-type', 'idempotency-key', 'traceparent', 'x-request-id']
    const reply = await fetch(new URL(url, this.#real.url), {
      method,
      headers: Object.fromEntries(passedOn.flatMap(name => (headers[name] ? [[name, String(headers[name])]] : []))),
      ...(body && { body }),
    })
    return { status: reply.status, json: await reply.json() }
  }
}

const passOn: Behaviour = async (response, _, real) => {
  const { status, json } = await real()
  sendJson(response, status, JSON.stringify(json))
}

export function sendJson(response: ServerResponse, status: number, text: string | Buffer): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(text)
}

/** A host that counts connections. No server may ever connect to it. */
export class OtherHost {
  contacts = 0
  readonly #server: TcpServer

  private constructor() {
    this.#server = createTcpServer(socket => {
      this.contacts += 1
      socket.on('error', () => {})
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}')
    })
  }

  static async start(): Promise<OtherHost> {
    const host = new OtherHost()
    await new Promise<void>(resolve => host.#server.listen(0, '127.0.0.1', resolve))
    return host
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`
  }

  async close(): Promise<void> {
    await new Promise(resolve => this.#server.close(resolve))
  }
}

/** A URL at which nothing listens. */
export async function deadUrl(): Promise<string> {
  const host = await OtherHost.start()
  const { url } = host
  await host.close()
  return url
}

function portOf(server: TcpServer): number {
  return (server.address() as AddressInfo).port
}
