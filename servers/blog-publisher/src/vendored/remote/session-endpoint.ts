import { randomUUID } from 'node:crypto'
import {
  isInitializeRequest,
  WebStandardStreamableHTTPServerTransport as SessionTransport,
} from '@modelcontextprotocol/server'
import type { createServerFactory } from '#call/registration'
import {
  auditReplies,
  type CallLedger,
  isId,
  type JsonRpc,
  principalOf,
  type RpcId,
  type WireFault,
} from '#guardrails/audit'
import type { Requester } from './admission.ts'
import type { AuditedRequest } from './audited-request.ts'
import type { CallsInFlight } from './calls-in-flight.ts'
import { asAuthInfo } from './request-context.ts'
import { createSessionStore } from './session-store.ts'
import { openEventStream } from './sse.ts'

/** What is kept between the requests of one legacy client. */
interface Session {
  readonly transport: SessionTransport
  readonly ledger: CallLedger
  /** Ids of calls in flight that their caller cancelled. */
  readonly cancelled: Set<RpcId>
}

const LIMITS = { max: 1_000, maxPerOwner: 32, idleMs: 30 * 60_000 }

/** The endpoint for the legacy era. A session lives in this process, and only its owner can use it. */
export function createSessionEndpoint(
  serverOf: ReturnType<typeof createServerFactory>,
  calls: CallsInFlight,
  audited: (request: AuditedRequest, serve: () => Promise<Response>) => Promise<Response>,
) {
  const sessions = createSessionStore<Session>({ ...LIMITS, onEnd: ({ transport }) => void transport.close() })

  const openSession = async ({ caller }: Requester): Promise<Session> => {
    const transport = new SessionTransport({ sessionIdGenerator: randomUUID, onsessionclosed: sessions.remove })
    const cancelled = new Set<RpcId>()
    const ledger = calls.ledgerOf(caller, id => {
      // The client ignores the answer to a call that it cancelled, and the SDK sends none. But without one the SDK keeps
      // the request’s state and its stream for as long as the session lasts.
      const error = { code: -32800, message: 'CANCELLED: you cancelled this call' }
      if (cancelled.delete(id)) transport.send({ jsonrpc: '2.0', id, error }).catch(() => {})
    })
    await serverOf(ledger)({ era: 'legacy' }).connect(auditReplies(transport, ledger))
    return { transport, ledger, cancelled }
  }

  return {
    /** @param onFinish takes a function to call once the reply is sent or its connection is gone */
    async serve(
      request: Request,
      requester: Requester,
      message: JsonRpc | undefined,
      onFinish: (done: () => void) => void,
    ): Promise<Response> {
      const traceparent = request.headers.get('traceparent') ?? undefined
      const refused = (status: number, reason: string, fault: Partial<WireFault> = {}): Response => {
        const reply =
          message && calls.ledgerOf(requester.caller).refuse({ message, reason, beside: { traceparent }, ...fault })
        return Response.json(reply ?? { error: reason }, { status })
      }
      const id = request.headers.get('mcp-session-id')
      const owner = principalOf(requester.caller)
      const isNew = id === null && isInitializeRequest(message)
      if (id === null && !isNew) return refused(400, 'there is no session yet: send initialize first')
      const session = isNew ? await openSession(requester) : sessions.find(id ?? '', owner)
      // The same answer for a session that does not exist and for one of another owner: nobody learns which it is.
      if (!session) return refused(404, 'there is no such session: open a new one with initialize')
      if (id !== null) onFinish(sessions.use(id))
      const { transport, ledger, cancelled } = session
      if (message?.method === 'notifications/cancelled') {
        const { requestId } = (message.params ?? {}) as { requestId?: unknown }
        if (isId(requestId) && ledger.find(requestId)) cancelled.add(requestId)
      }
      const handle = (): Promise<Response> =>
        transport.handleRequest(request, { parsedBody: message, authInfo: asAuthInfo(ledger, requester) })
      const response = message
        ? await audited({ message, traceparent, requester, ledger }, handle)
        : openEventStream(await handle(), request.signal)
      if (!isNew) return response
      // Only the program that opened a session can use it, but the sessions of all programs count for their person.
      if (response.ok && sessions.add(transport.sessionId ?? '', owner, session, requester.caller.id)) return response
      await transport.close()
      if (!response.ok) return response
      return refused(429, 'you have too many sessions, and all are in use: end some', { code: 'RATE_LIMITED' })
    },

    /** Ends every session. */
    close: () => sessions.clear(),
  }
}
