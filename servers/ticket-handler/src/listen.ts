// Copied on purpose: a fault here must stay here.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer } from './routes.ts'
import { createTally } from './tally.ts'

export type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
  /** Makes the handler for the port that was had. */
  readonly handlerAt: (port: number) => Handler
  readonly onFault: (fault: unknown) => void
}

export interface Listening {
  readonly port: number
  /** Resolves once every reply is out, or after `ms` milliseconds: a stream may have no end. */
  flushed(ms: number): Promise<void>
  /** Drops every connection. Resolves once none is left. */
  close(): Promise<void>
}

/** Room for a token that is too long, so that it is refused as one. */
const MAX_HEADER_BYTES = 96 * 1024
const MAX_CONNECTIONS = 2_000
const HEADERS_MS = 10_000
/** A request has to be there in this time, head and body; a reply that nobody reads is dropped after as long. */
const SLOW_CLIENT_MS = 30_000
/** Longer than proxies keep an idle connection: it is theirs to close. */
const KEEP_ALIVE_MS = 75_000
const FLUSH_STEP_MS = 10

/** Listens for HTTP, behind whatever ends TLS. Resolves once it does. @throws the system's error if it cannot */
export async function listen({ host, port, handlerAt, onFault }: ListenOptions): Promise<Listening> {
  /** Connections, with how many of their requests are being served. */
  const serving = createTally<Socket>()
  let handler: Handler | undefined

  const http = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    requestTimeout: SLOW_CLIENT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1_000,
    // Who names no Host is refused by us, on record.
    requireHostHeader: false,
  })
  http.maxConnections = MAX_CONNECTIONS
  http.timeout = SLOW_CLIENT_MS
  http.on('timeout', socket => {
    // A call may take its time; its reply may not.
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

  // Nobody has to meet an expectation that they do not know; Node would refuse it, and no record would say so.
  http.on('checkExpectation', (req, res) => http.emit('request', req, res))

  await new Promise<void>((resolve, reject) => {
    http.once('error', reject).listen(port, host, resolve)
  })
  const { port: had } = http.address() as AddressInfo
  handler = handlerAt(had)
  return {
    port: had,
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
