import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseMessage } from '#call'
import type { JsonRpc, WireFault } from '#guardrails/audit'
import { type Admission, Refusal, type Requester, unknownCaller } from './admission.ts'
import type { Readiness } from './health.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { readBody } from './request-body.ts'

/** Answers requests that were admitted, and records those that were not. */
export interface Endpoint {
  serve(req: IncomingMessage, res: ServerResponse, requester: Requester, message?: JsonRpc): Promise<void>
  refuse(requester: Requester, fault: WireFault): JsonRpc | null
}

export interface RouteOptions {
  readonly admission: Admission
  readonly endpoint: Endpoint
  readonly resource: ProtectedResource | undefined
  readonly readiness: () => Promise<Readiness>
  /** Aborted when the server begins to stop. From then on no request is accepted. */
  readonly stopping: AbortSignal
  readonly onFault: (fault: unknown) => void
}

const ALLOWED_HEADERS =
  'Authorization, Content-Type, Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID, traceparent'

/** The operator’s log gets at most one cause of a refusal in this time. */
const LOG_EVERY_MS = 10_000

const METHODS = ['GET', 'POST', 'DELETE', 'OPTIONS']

const NOTHING_HERE = { error: 'there is nothing here; the endpoint is /mcp' }

/** Routes a request by its path and method. */
export function createRoutes({ admission, endpoint, resource, readiness, stopping, onFault }: RouteOptions) {
  const stoppingNow = (): Refusal =>
    new Refusal(503, 'BACKEND_UNAVAILABLE', 'this server is stopping: try again', {
      'Retry-After': '1',
      Connection: 'close',
    })
  const assertTaking = (): void => {
    if (stopping.aborted) throw stoppingNow()
  }
  /** All waiting requests share one listener: Node warns of a leak when a signal has more than ten. */
  const waiting = new Set<() => void>()
  stopping.addEventListener('abort', () => {
    for (const stop of waiting) stop()
  })
  /** Waits for `work`, but rejects as soon as the server begins to stop: no call begins after that. */
  const unlessStopping = async <T>(work: Promise<T>): Promise<T> => {
    let stop = (): void => {}
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(stoppingNow())
    })
    waiting.add(stop)
    // The server may have begun to stop between the previous wait and this one.
    if (stopping.aborted) stop()
    try {
      return await Promise.race([work, stopped])
    } finally {
      waiting.delete(stop)
    }
  }

  // Any caller can cause such a fault, as often as they like: they must not fill the log.
  let loggedAt = Number.NEGATIVE_INFINITY
  const logThrottled = (fault: unknown): void => {
    if (performance.now() - loggedAt < LOG_EVERY_MS) return
    loggedAt = performance.now()
    onFault(fault)
  }

  const toMcp = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    let requester: Requester = { caller: unknownCaller(req), scopes: undefined }
    try {
      assertTaking()
      admission.checkHostAndOrigin(req)
      if (!METHODS.includes(req.method ?? ''))
        throw new Refusal(405, 'INVALID_INPUT', 'the endpoint has no such method', { Allow: METHODS.join(', ') })
      addCorsHeaders(req, res)
      if (req.method === 'OPTIONS') return void res.writeHead(204).end()
      requester = await unlessStopping(admission.admit(req))
      // DELETE has no use for a body, but the SDK’s adapter would read one, with a far higher limit.
      const body = req.method === 'GET' ? undefined : await unlessStopping(readBody(req))
      if (req.method !== 'POST' || !body) return await endpoint.serve(req, res, requester)
      const parsed = asMessage(parseMessage(body))
      if ('reason' in parsed) answer(res, 400, endpoint.refuse(requester, parsed))
      else await endpoint.serve(req, res, requester, parsed.message)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.cause !== undefined) logThrottled(error.cause)
      const { status, code, message: reason, headers } = error
      const reply = endpoint.refuse(requester, { code, reason })
      // Node reads and discards the rest of a body, so that the client gets the answer. A body that is too long may have
      // no end: there the connection is closed.
      answer(res, status, reply, status === 413 ? { ...headers, Connection: 'close' } : headers)
    }
  }

  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const [path = ''] = (req.url ?? '').split('?', 1)
    if (path === '/mcp') return await toMcp(req, res)
    if (req.method !== 'GET') return answer(res, 404, NOTHING_HERE)
    if (path === '/healthz') return answer(res, 200, { alive: true })
    if (path === '/readyz') {
      const state = stopping.aborted ? { ready: false, checks: {} } : await readiness()
      return answer(res, state.ready ? 200 : 503, state)
    }
    // The metadata is public, so pages of any origin may read it.
    if (resource?.metadataPaths.has(path))
      return answer(res, 200, resource.metadata, { 'Access-Control-Allow-Origin': '*' })
    answer(res, 404, NOTHING_HERE)
  }
}

/** A message with neither a method nor an answer is refused on record: it may have been meant as a call. */
function asMessage(parsed: ReturnType<typeof parseMessage>): { message: JsonRpc } | WireFault {
  if (!parsed) return { reason: 'there is no message' }
  if ('reason' in parsed) return parsed
  const { method, result, error } = parsed.message
  const isReadable = typeof method === 'string' || result !== undefined || error !== undefined
  return isReadable ? parsed : { message: parsed.message, reason: 'this has no method' }
}

/** Adds the CORS headers that let a page read the reply. Its Origin was checked before. */
function addCorsHeaders({ headers, method }: IncomingMessage, res: ServerResponse): void {
  if (headers.origin === undefined) return
  res.setHeader('Access-Control-Allow-Origin', headers.origin)
  res.setHeader('Access-Control-Expose-Headers', 'Mcp-Session-Id, WWW-Authenticate')
  res.setHeader('Vary', 'Origin')
  if (method !== 'OPTIONS') return
  res.setHeader('Access-Control-Allow-Methods', 'GET, POST, DELETE')
  res.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS)
  res.setHeader('Access-Control-Max-Age', '600')
}

/** Answers with JSON that must not be cached. */
export function answer(res: ServerResponse, status: number, body: unknown, more: Record<string, string> = {}): void {
  const text = JSON.stringify(body)
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  }
  res.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(text), ...more }).end(text)
}
