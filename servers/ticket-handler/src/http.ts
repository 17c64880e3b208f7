// Copied on purpose: a fault here must stay here.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node'
import {
  type AuthInfo,
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport as SessionTransport,
} from '@modelcontextprotocol/server'
import {
  auditReplies,
  type CallLedger,
  type JsonRpc,
  principalOf,
  type WireFault,
} from '@narrow-deputies/guardrails/audit'
import { openStream } from './event-stream.ts'
import { createExchanges } from './exchange.ts'
import type { Visitor } from './gate.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { createServerFactory, openLedger, type ServerOptions } from './server.ts'
import { createSessions } from './sessions.ts'

/** The protocol's earlier era: what the requests of one client have in common. */
interface Session {
  readonly transport: SessionTransport
  readonly ledger: CallLedger
}

/** What travels with a request through the SDK, in the place that it has for such things. */
interface Passenger extends Record<string, unknown> {
  readonly ledger: CallLedger
  readonly scopes: Visitor['scopes']
}

const SESSIONS = { max: 1_000, maxPerOwner: 32, idleMs: 30 * 60_000 }

/**
 * The MCP endpoint for both protocol eras. A request of the later one stands for itself: any replica can serve it. One
 * of the earlier belongs to a session, which lives in this process and is its owner's alone.
 *
 * @param resource undefined where nobody is asked for a token
 */
export function createMcpEndpoint<Ports>(options: ServerOptions<Ports>, resource: ProtectedResource | undefined) {
  const onerror = options.onProtocolFault
  const serverOf = createServerFactory(options, ({ http }) => passengerOf(http?.authInfo).scopes)
  /** Those with calls that are being served. */
  const busy = new Set<CallLedger>()
  const ledgerOf = ({ caller }: Visitor): CallLedger => {
    const ledger: CallLedger = openLedger(options, caller, () => busy.delete(ledger))
    return ledger
  }
  const exchanged = createExchanges(options.tools, resource, ledger => busy.add(ledger))

  const modern = createMcpHandler(
    ({ authInfo }) => {
      const { ledger } = passengerOf(authInfo)
      const mcp = serverOf(ledger)({ era: 'modern' })
      const connect = mcp.connect.bind(mcp)
      mcp.connect = transport => connect(auditReplies(transport, ledger))
      return mcp
    },
    { legacy: 'reject', onerror, maxSubscriptions: SESSIONS.max },
  )
  const sessions = createSessions<Session>({ ...SESSIONS, onEnd: ({ transport }) => void transport.close() })

  const serveModern = async (request: Request, visitor: Visitor, message: JsonRpc): Promise<Response> => {
    const ledger = ledgerOf(visitor)
    const authInfo = passenger(ledger, visitor)
    return await exchanged({ message, traceparent: traceOf(request), visitor, ledger }, () =>
      modern.fetch(request, { parsedBody: message, authInfo }),
    )
  }

  const openSession = async (visitor: Visitor): Promise<Session> => {
    const transport = new SessionTransport({ sessionIdGenerator: randomUUID, onsessionclosed: sessions.remove })
    const ledger = ledgerOf(visitor)
    await serverOf(ledger)({ era: 'legacy' }).connect(auditReplies(transport, ledger))
    return { transport, ledger }
  }

  const serveLegacy = async (
    request: Request,
    visitor: Visitor,
    message: JsonRpc | undefined,
    onFinish: (done: () => void) => void,
  ): Promise<Response> => {
    const refused = (status: number, reason: string): Response =>
      Response.json(message ? ledgerOf(visitor).refuse({ message, reason }) : { error: reason }, { status })
    const id = request.headers.get('mcp-session-id')
    const owner = principalOf(visitor.caller)
    const isNew = id === null && isInitializeRequest(message)
    if (id === null && !isNew) return refused(400, 'there is no session yet: begin with initialize')
    const session = isNew ? await openSession(visitor) : sessions.find(id ?? '', owner)
    // Whose session it is, and whether there is one at all, is nobody else's business.
    if (!session) return refused(404, 'there is no such session: begin anew with initialize')
    if (id !== null) onFinish(sessions.use(id))
    const { transport, ledger } = session
    const handle = (): Promise<Response> =>
      transport.handleRequest(request, { parsedBody: message, authInfo: passenger(ledger, visitor) })
    const response = message
      ? await exchanged({ message, traceparent: traceOf(request), visitor, ledger }, handle)
      : openStream(await handle(), request.signal)
    if (!isNew) return response
    if (response.ok && sessions.add(transport.sessionId ?? '', owner, session)) return response
    await transport.close()
    return response.ok ? refused(503, 'there are too many sessions: try again later') : response
  }

  return {
    /** Answers one request of somebody who was let in. `message` is its body, where its method has one. */
    async serve(req: IncomingMessage, res: ServerResponse, visitor: Visitor, message?: JsonRpc): Promise<void> {
      const fetch = async (request: Request): Promise<Response> =>
        message && !(await isLegacyRequest(request, message))
          ? await serveModern(request, visitor, message)
          : await serveLegacy(request, visitor, message, done => (res.closed ? done() : res.once('close', done)))
      // The SDK has its own idea of what a request is; Node's is one.
      await toNodeHandler({ fetch }, { onerror })(req as NodeIncomingMessageLike, res, message)
    },
    /** Records what is not let in, or is no message; what to answer. */
    refuse: (visitor: Visitor, fault: WireFault): JsonRpc | null => ledgerOf(visitor).refuse(fault),
    /** Resolves once no call is being served, or after `ms` milliseconds. */
    async idle(ms: number): Promise<void> {
      await Promise.all([...busy].map(ledger => ledger.idle(ms)))
    },
    /** Ends every session, and every call that is still open. */
    async close(): Promise<void> {
      sessions.clear()
      await modern.close()
      for (const ledger of busy) ledger.abandon()
    },
  }
}

function passenger(ledger: CallLedger, { caller, scopes }: Visitor): AuthInfo {
  const extra: Passenger = { ledger, scopes }
  // The token stays behind: nothing from here on has a use for it.
  return { token: '', clientId: caller.clientId ?? '', scopes: [...(scopes ?? [])], extra }
}

function passengerOf(authInfo: AuthInfo | undefined): Passenger {
  if (!authInfo?.extra) throw new Error('the SDK lost who a request is from')
  return authInfo.extra as Passenger
}

function traceOf(request: Request): string | undefined {
  return request.headers.get('traceparent') ?? undefined
}
