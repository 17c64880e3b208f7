import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type Handler, type HttpServer, startHttpServer } from '../../src/remote/http-server.ts'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Request {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
}

/** Starts the HTTP server on loopback, until the test is over. */
export async function listen(handler: Handler, onFault: (fault: unknown) => void = rethrow): Promise<HttpServer> {
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, handlerAt: () => handler, onFault })
  onTestFinished(() => server.close())
  return server
}

function rethrow(fault: unknown): never {
  throw fault
}

/** Node’s server that a request came to. */
export function nodeServerOf({ socket }: IncomingMessage): Server {
  return (socket as Socket & { server: Server }).server
}

/** Sends one request on a connection of its own. A header with a list of values is sent once for each. */
export async function send(port: number, { method = 'GET', path = '/', headers = {}, body }: Request): Promise<Reply> {
  const hasHost = Object.keys(headers).some(name => name.toLowerCase() === 'host')
  const needed = {
    ...(!hasHost && { Host: `127.0.0.1:${port}` }),
    ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
    Connection: 'close',
  }
  const lines = Object.entries({ ...needed, ...headers }).flatMap(([name, values]) =>
    [values].flat().flatMap(value => [name, value]),
  )
  return await new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers: lines as string[], agent: false },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
        response.once('error', reject)
      },
    )
    request.once('error', reject).end(body)
  })
}

/** A connection that is written to byte by byte, and read only if told to. */
export class RawConnection {
  received = ''
  isClosed = false
  readonly closed: Promise<void>
  readonly #socket: Socket

  constructor(port: number, { reads = true } = {}) {
    this.#socket = connect(port, '127.0.0.1')
    // The server may drop the connection at any time.
    this.#socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      this.#socket.once('close', () => {
        this.isClosed = true
        resolve()
      })
    })
    if (reads) this.read()
    onTestFinished(() => void this.#socket.destroy())
  }

  read(): void {
    this.#socket.setEncoding('latin1').on('data', (text: string) => {
      this.received += text
    })
  }

  send(text: string): void {
    if (!this.isClosed) this.#socket.write(text)
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
