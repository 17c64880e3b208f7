// Copied on purpose: a fault here must stay here.
import { randomUUID } from 'node:crypto'
import {
  isInitializeRequest,
  WebStandardStreamableHTTPServerTransport as SessionTransport,
} from '@modelcontextprotocol/server'
import {
  auditReplies,
  type CallLedger,
  isId,
  type JsonRpc,
  principalOf,
  type RpcId,
  type WireFault,
} from '@narrow-deputies/guardrails/audit'
import { openStream } from './event-stream.ts'
import type { Exchange } from './exchange.ts'
import type { Visitor } from './gate.ts'
import type { OpenCalls } from './open-calls.ts'
import { seat } from './passenger.ts'
import type { createServerFactory } from './server.ts'
import { createSessions } from './sessions.ts'

/** What the requests of one client have in common. */
interface Session {
  readonly transport: SessionTransport
  readonly ledger: CallLedger
  /** Calls that their caller wants to hear no more of, while they end. */
  readonly cancelled: Set<RpcId>
}

const LIMITS = { max: 1_000, maxPerOwner: 32, idleMs: 30 * 60_000 }

/** The protocol's earlier era: a session lives in this process, and is its owner's alone. */
export function createSessionEndpoint(
  serverOf: ReturnType<typeof createServerFactory>,
  calls: OpenCalls,
  exchanged: (exchange: Exchange, serve: () => Promise<Response>) => Promise<Response>,
) {
  const sessions = createSessions<Session>({ ...LIMITS, onEnd: ({ transport }) => void transport.close() })

  const openSession = async ({ caller }: Visitor): Promise<Session> => {
    const transport = new SessionTransport({ sessionIdGenerator: randomUUID, onsessionclosed: sessions.remove })
    const cancelled = new Set<RpcId>()
    const ledger = calls.ledgerOf(caller, id => {
      // Nobody waits for it; but until there is an answer, the SDK keeps what belongs to the request, and its stream.
      const error = { code: -32800, message: 'CANCELLED: as you wished' }
      if (cancelled.delete(id)) transport.send({ jsonrpc: '2.0', id, error }).catch(() => {})
    })
    await serverOf(ledger)({ era: 'legacy' }).connect(auditReplies(transport, ledger))
    return { transport, ledger, cancelled }
  }

  return {
    /** @param onFinish given what has to be done once the reply is out, or nobody wants it any more */
    async serve(
      request: Request,
      visitor: Visitor,
      message: JsonRpc | undefined,
      onFinish: (done: () => void) => void,
    ): Promise<Response> {
      const traceparent = request.headers.get('traceparent') ?? undefined
      const refused = (status: number, reason: string, fault: Partial<WireFault> = {}): Response => {
        const reply =
          message && calls.ledgerOf(visitor.caller).refuse({ message, reason, beside: { traceparent }, ...fault })
        return Response.json(reply ?? { error: reason }, { status })
      }
      const id = request.headers.get('mcp-session-id')
      const owner = principalOf(visitor.caller)
      const isNew = id === null && isInitializeRequest(message)
      if (id === null && !isNew) return refused(400, 'there is no session yet: begin with initialize')
      const session = isNew ? await openSession(visitor) : sessions.find(id ?? '', owner)
      // Whose session it is, and whether there is one at all, is nobody else's business.
      if (!session) return refused(404, 'there is no such session: begin anew with initialize')
      if (id !== null) onFinish(sessions.use(id))
      const { transport, ledger, cancelled } = session
      if (message?.method === 'notifications/cancelled') {
        const { requestId } = (message.params ?? {}) as { requestId?: unknown }
        if (isId(requestId) && ledger.find(requestId)) cancelled.add(requestId)
      }
      const handle = (): Promise<Response> =>
        transport.handleRequest(request, { parsedBody: message, authInfo: seat(ledger, visitor) })
      const response = message
        ? await exchanged({ message, traceparent, visitor, ledger }, handle)
        : openStream(await handle(), request.signal)
      if (!isNew) return response
      // Many programs may act for one person: what they take up together is that person's.
      if (response.ok && sessions.add(transport.sessionId ?? '', owner, session, visitor.caller.id)) return response
      await transport.close()
      if (!response.ok) return response
      return refused(429, 'you have too many sessions, and use them all: end some', { code: 'RATE_LIMITED' })
    },

    /** Ends every session. */
    close: () => sessions.clear(),
  }
}
