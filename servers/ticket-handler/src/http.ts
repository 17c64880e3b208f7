// Copied on purpose: a fault here must stay here.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server'
import { auditReplies, type JsonRpc, type WireFault } from '@narrow-deputies/guardrails/audit'
import { createExchanges } from './exchange.ts'
import type { Visitor } from './gate.ts'
import { createSessionEndpoint } from './http-sessions.ts'
import { createOpenCalls } from './open-calls.ts'
import { passengerOf, seat } from './passenger.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { createServerFactory, openLedger, type ServerOptions } from './server.ts'

const MAX_SUBSCRIPTIONS = 1_000

/**
 * The MCP endpoint for both protocol eras. A request of the later one stands for itself: any replica can serve it. One
 * of the earlier belongs to a session.
 *
 * @param resource undefined where nobody is asked for a token
 */
export function createMcpEndpoint<Ports>(options: ServerOptions<Ports>, resource: ProtectedResource | undefined) {
  const onerror = options.onProtocolFault
  const serverOf = createServerFactory(options, ({ http }) => passengerOf(http?.authInfo).scopes)
  const calls = createOpenCalls((caller, onEnd) => openLedger(options, caller, onEnd))
  const exchanged = createExchanges(options.tools, resource, calls)
  const sessions = createSessionEndpoint(serverOf, calls, exchanged)
  const modern = createMcpHandler(
    ({ authInfo }) => {
      const { ledger } = passengerOf(authInfo)
      const mcp = serverOf(ledger)({ era: 'modern' })
      const connect = mcp.connect.bind(mcp)
      mcp.connect = transport => connect(auditReplies(transport, ledger))
      return mcp
    },
    { legacy: 'reject', onerror, maxSubscriptions: MAX_SUBSCRIPTIONS },
  )

  const serveModern = async (request: Request, visitor: Visitor, message: JsonRpc): Promise<Response> => {
    const ledger = calls.ledgerOf(visitor.caller)
    const authInfo = seat(ledger, visitor)
    const traceparent = request.headers.get('traceparent') ?? undefined
    return await exchanged({ message, traceparent, visitor, ledger }, () =>
      modern.fetch(request, { parsedBody: message, authInfo }),
    )
  }

  return {
    /** Answers one request of somebody who was let in. `message` is its body, where its method has one. */
    async serve(req: IncomingMessage, res: ServerResponse, visitor: Visitor, message?: JsonRpc): Promise<void> {
      // The connection may be gone already: that it closes is said only once.
      const onFinish = (done: () => void): unknown => (res.destroyed ? done() : res.once('close', done))
      const answer = async (request: Request): Promise<Response> =>
        message && !(await isLegacyRequest(request, message))
          ? await serveModern(request, visitor, message)
          : await sessions.serve(request, visitor, message, onFinish)
      const counted = (request: Request): Promise<Response> => calls.arriving(() => answer(request))
      // The SDK has its own idea of what a request is; Node's is one.
      await toNodeHandler({ fetch: counted }, { onerror })(req as NodeIncomingMessageLike, res, message)
    },
    /** Records what is not let in, or is no message; what to answer. */
    refuse: ({ caller }: Visitor, fault: WireFault): JsonRpc | null => calls.ledgerOf(caller).refuse(fault),
    /** Resolves once no call is being served, or after `ms` milliseconds. */
    idle: calls.idle,
    /** Ends every session, and every call that is still open. */
    async close(): Promise<void> {
      sessions.close()
      await modern.close()
      calls.abandon()
    },
  }
}
