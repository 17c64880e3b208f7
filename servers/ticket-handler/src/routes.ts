// Copied on purpose: a fault here must stay here.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JsonRpc, WireFault } from '@narrow-deputies/guardrails/audit'
import { type Gate, Refusal, strangerOf, type Visitor } from './gate.ts'
import type { Readiness } from './health.ts'
import { parseMessage } from './message.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { readBody } from './request-body.ts'

/** What answers a request that has been let in, and records one that has not. */
export interface Endpoint {
  serve(req: IncomingMessage, res: ServerResponse, visitor: Visitor, message?: JsonRpc): Promise<void>
  refuse(visitor: Visitor, fault: WireFault): JsonRpc | null
}

export interface RouteOptions {
  readonly gate: Gate
  readonly endpoint: Endpoint
  readonly resource: ProtectedResource | undefined
  readonly readiness: () => Promise<Readiness>
  /** Aborted when the server is about to stop: it then takes nothing more. */
  readonly stopping: AbortSignal
  readonly onFault: (fault: unknown) => void
}

const ALLOWED_HEADERS =
  'Authorization, Content-Type, Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID, traceparent'

const TELL_EVERY_MS = 10_000

const METHODS = ['GET', 'POST', 'DELETE', 'OPTIONS']

const NOTHING_HERE = { error: 'there is nothing here; the endpoint is /mcp' }

/** All that is served, by path. */
export function createRoutes({ gate, endpoint, resource, readiness, stopping, onFault }: RouteOptions) {
  const stoppingNow = (): Refusal =>
    new Refusal(503, 'BACKEND_UNAVAILABLE', 'this server is stopping: try again', {
      'Retry-After': '1',
      Connection: 'close',
    })
  const assertTaking = (): void => {
    if (stopping.aborted) throw stoppingNow()
  }
  /** One listener for all who wait: a signal that has many is taken for a leak, and Node warns of it. */
  const waiting = new Set<() => void>()
  stopping.addEventListener('abort', () => {
    for (const stop of waiting) stop()
  })
  /** Waits for what has to be there before a call begins, and no longer than until we stop: then nothing more begins. */
  const unlessStopping = async <T>(work: Promise<T>): Promise<T> => {
    let stop = (): void => {}
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(stoppingNow())
    })
    waiting.add(stop)
    // It may have begun to stop since the wait before this one.
    if (stopping.aborted) stop()
    try {
      return await Promise.race([work, stopped])
    } finally {
      waiting.delete(stop)
    }
  }

  // Anybody can bring it about, as often as they like.
  let toldAt = Number.NEGATIVE_INFINITY
  const onFaultNowAndThen = (fault: unknown): void => {
    if (performance.now() - toldAt < TELL_EVERY_MS) return
    toldAt = performance.now()
    onFault(fault)
  }

  const toMcp = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    let visitor: Visitor = { caller: strangerOf(req), scopes: undefined }
    try {
      assertTaking()
      gate.checkAddress(req)
      if (!METHODS.includes(req.method ?? ''))
        throw new Refusal(405, 'INVALID_INPUT', 'the endpoint has no such method', { Allow: METHODS.join(', ') })
      letPageRead(req, res)
      if (req.method === 'OPTIONS') return void res.writeHead(204).end()
      visitor = await unlessStopping(gate.admit(req))
      // Also one that nobody asks for: the SDK's adapter would read it, and far more of it.
      const body = req.method === 'GET' ? undefined : await unlessStopping(readBody(req))
      if (req.method !== 'POST' || !body) return await endpoint.serve(req, res, visitor)
      const parsed = asMessage(parseMessage(body))
      if ('reason' in parsed) answer(res, 400, endpoint.refuse(visitor, parsed))
      else await endpoint.serve(req, res, visitor, parsed.message)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.cause !== undefined) onFaultNowAndThen(error.cause)
      const { status, code, message: reason, headers } = error
      const reply = endpoint.refuse(visitor, { code, reason })
      // The rest of a body is read and dropped, so that the answer gets through; but not of one without an end.
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
    // No secret: it says where to sign in. Pages of any origin may read it, and learn nothing that we do not tell all.
    if (resource?.metadataPaths.has(path))
      return answer(res, 200, resource.metadata, { 'Access-Control-Allow-Origin': '*' })
    answer(res, 404, NOTHING_HERE)
  }
}

/** What neither asks nor answers may have been meant as a call. */
function asMessage(parsed: ReturnType<typeof parseMessage>): { message: JsonRpc } | WireFault {
  if (!parsed) return { reason: 'there is no message' }
  if ('reason' in parsed) return parsed
  const { method, result, error } = parsed.message
  const isReadable = typeof method === 'string' || result !== undefined || error !== undefined
  return isReadable ? parsed : { message: parsed.message, reason: 'this has no method' }
}

/** For a page whose Origin was found right: the browser lets it see what it needs. */
function letPageRead({ headers, method }: IncomingMessage, res: ServerResponse): void {
  if (headers.origin === undefined) return
  res.setHeader('Access-Control-Allow-Origin', headers.origin)
  res.setHeader('Access-Control-Expose-Headers', 'Mcp-Session-Id, WWW-Authenticate')
  res.setHeader('Vary', 'Origin')
  if (method !== 'OPTIONS') return
  res.setHeader('Access-Control-Allow-Methods', 'GET, POST, DELETE')
  res.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS)
  res.setHeader('Access-Control-Max-Age', '600')
}

/** Answers in JSON, for this one time. */
export function answer(res: ServerResponse, status: number, body: unknown, more: Record<string, string> = {}): void {
  const text = JSON.stringify(body)
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  }
  res.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(text), ...more }).end(text)
}
