import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCounter } from '#call'
import { answer } from './routes.ts'

export type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

export interface HttpServerOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Makes the handler, given the port that the server listens at. */
  readonly handlerAt: (port: number) => Handler
  /** Receives what a handler throws, and what the server itself reports. */
  readonly onFault: (fault: unknown) => void
}

export interface HttpServer {
  readonly port: number
  /** Resolves once every reply is sent, or after `ms` milliseconds: an event stream may have no end. */
  flushed(ms: number): Promise<void>
  /** Drops every connection. Resolves once all are closed. */
  close(): Promise<void>
}

/** Large enough that a token over its own limit still reaches the verifier, which refuses it on record. */
const MAX_HEADER_BYTES = 96 * 1024
const MAX_CONNECTIONS = 2_000
const HEADERS_MS = 10_000
/** How long a request may take to arrive, headers and body, and how long a client may leave its reply unread. */
const SLOW_CLIENT_MS = 30_000
/**
 * Longer than proxies keep an idle connection, so that the proxy closes it first. Otherwise a proxy could send a request
 * on a connection that is just being closed.
 */
const KEEP_ALIVE_MS = 75_000
const FLUSH_STEP_MS = 10

/**
 * Starts the HTTP server. TLS is for a proxy in front of it. Resolves once it listens.
 *
 * @throws the system’s error if it cannot listen
 */
export async function startHttpServer({ host, port, handlerAt, onFault }: HttpServerOptions): Promise<HttpServer> {
  /** Counts the requests that are being served on each connection. */
  const serving = createCounter<Socket>()
  let handler: Handler | undefined

  const http = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    requestTimeout: SLOW_CLIENT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1_000,
    // Node would refuse a request without Host before a record is written. Admission refuses it on record.
    requireHostHeader: false,
  })
  http.maxConnections = MAX_CONNECTIONS
  http.timeout = SLOW_CLIENT_MS
  http.on('timeout', socket => {
    // A call may run for longer than this without a byte sent. A client that does not read its reply is dropped.
    if (serving.of(socket) === 0 || socket.writableLength > 0) socket.destroy()
  })
  http.on('request', (req, res) => {
    const { socket } = req
    serving.add(socket)
    res.once('close', () => serving.remove(socket))
    handler?.(req, res).catch(error => {
      onFault(error)
      if (res.headersSent) res.destroy()
      else answer(res, 500, { error: 'the server failed' })
    })
  })

  // Node would answer an unknown Expect header with 417 and no record. It is served as any other request.
  http.on('checkExpectation', (req, res) => http.emit('request', req, res))

  http.listen(port, host)
  await once(http, 'listening')
  // From here on an error means that the system could not accept a connection. Without a listener, such an event would
  // end the process.
  http.on('error', onFault)
  const { port: actualPort } = http.address() as AddressInfo
  handler = handlerAt(actualPort)
  return {
    port: actualPort,
    async flushed(ms) {
      for (let waited = 0; serving.size > 0 && waited < ms; waited += FLUSH_STEP_MS) await sleep(FLUSH_STEP_MS)
    },
    async close() {
      const closed = new Promise(resolve => http.close(resolve))
      http.closeAllConnections()
      await closed
    },
  }
}
