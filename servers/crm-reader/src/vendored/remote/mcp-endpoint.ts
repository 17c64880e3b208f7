import type { IncomingMessage, ServerResponse } from 'node:http'
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server'
import { createServerFactory, openLedger, type ServerOptions } from '#call/registration'
import { auditReplies, type JsonRpc, type WireFault } from '#guardrails/audit'
import type { Requester } from './admission.ts'
import { createRequestAuditor } from './audited-request.ts'
import { createCallsInFlight } from './calls-in-flight.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { asAuthInfo, requestContextOf } from './request-context.ts'
import { createSessionEndpoint } from './session-endpoint.ts'

const MAX_SUBSCRIPTIONS = 1_000

/**
 * The MCP endpoint for both protocol eras. A modern request is complete in itself: any replica can serve it. A legacy
 * request belongs to a session, which lives in one process.
 *
 * @param resource undefined on a server without OAuth
 */
export function createMcpEndpoint<Ports>(options: ServerOptions<Ports>, resource: ProtectedResource | undefined) {
  const onerror = options.onProtocolFault
  const serverOf = createServerFactory(options, ({ http }) => requestContextOf(http?.authInfo).scopes)
  const calls = createCallsInFlight((caller, onEnd) => openLedger(options, caller, onEnd))
  const audited = createRequestAuditor(options.tools, resource, calls)
  const sessions = createSessionEndpoint(serverOf, calls, audited)
  const modern = createMcpHandler(
    ({ authInfo }) => {
      const { ledger } = requestContextOf(authInfo)
      const mcp = serverOf(ledger)({ era: 'modern' })
      const connect = mcp.connect.bind(mcp)
      mcp.connect = transport => connect(auditReplies(transport, ledger))
      return mcp
    },
    { legacy: 'reject', onerror, maxSubscriptions: MAX_SUBSCRIPTIONS },
  )

  const serveModern = async (request: Request, requester: Requester, message: JsonRpc): Promise<Response> => {
    const ledger = calls.ledgerOf(requester.caller)
    const authInfo = asAuthInfo(ledger, requester)
    const traceparent = request.headers.get('traceparent') ?? undefined
    return await audited({ message, traceparent, requester, ledger }, () =>
      modern.fetch(request, { parsedBody: message, authInfo }),
    )
  }

  return {
    /** Answers one admitted request. @param message its body, if it is a POST */
    async serve(req: IncomingMessage, res: ServerResponse, requester: Requester, message?: JsonRpc): Promise<void> {
      // `close` is emitted only once: if the connection is gone already, a listener would never be called.
      const onFinish = (done: () => void): unknown => (res.destroyed ? done() : res.once('close', done))
      const answer = async (request: Request): Promise<Response> =>
        message && !(await isLegacyRequest(request, message))
          ? await serveModern(request, requester, message)
          : await sessions.serve(request, requester, message, onFinish)
      const counted = (request: Request): Promise<Response> => calls.arriving(() => answer(request))
      // The SDK’s type for a request describes a subset of Node’s, but Node’s is not assignable to it.
      await toNodeHandler({ fetch: counted }, { onerror })(req as NodeIncomingMessageLike, res, message)
    },
    /** Records a request that was not admitted, or whose body is no message. Returns the answer, or `null` for none. */
    refuse: ({ caller }: Requester, fault: WireFault): JsonRpc | null => calls.ledgerOf(caller).refuse(fault),
    /** Resolves once no request is being served, or after `ms` milliseconds. */
    idle: calls.idle,
    /** Ends every session and every call that is still open. */
    async close(): Promise<void> {
      sessions.close()
      await modern.close()
      calls.abandon()
    },
  }
}
