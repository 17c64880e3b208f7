import type { CallLedger, JsonRpc } from '#guardrails/audit'
import type { Requester } from './admission.ts'
import type { CallsInFlight } from './calls-in-flight.ts'
import type { ProtectedResource } from './protected-resource.ts'

/** One message that came over HTTP in an admitted request. */
export interface AuditedRequest {
  readonly message: JsonRpc
  /** The request’s `traceparent` header. */
  readonly traceparent: string | undefined
  readonly requester: Requester
  readonly ledger: CallLedger
}

/**
 * Makes the function through which every message is served. A call is entered in the ledger before the SDK sees it. So
 * calls are on record that the SDK refuses before they reach its transport, and calls whose token lacks the scope.
 *
 * @param tools the tools, with the scope that each needs
 * @param resource undefined on a server without OAuth
 */
export function createRequestAuditor(
  tools: readonly { readonly name: string; readonly scope: string }[],
  resource: ProtectedResource | undefined,
  calls: CallsInFlight,
) {
  const scopeOf = new Map<unknown, string>(tools.map(({ name, scope }) => [name, scope]))

  /** Refuses a call whose token lacks the tool’s scope: HTTP 403 with a challenge that tells the client what to ask for. */
  const stepUp = ({ message, traceparent, requester, ledger }: AuditedRequest): Response | undefined => {
    const { scopes, caller } = requester
    const needed = message.method === 'tools/call' ? scopeOf.get(nameOf(message)) : undefined
    if (!resource || needed === undefined || scopes?.has(needed)) return undefined
    // The challenge names the scopes of the present token too. A client replaces its token by one with the scopes that
    // are named, and must not lose what it could do before.
    const all = new Set([...scopeOf.values()].filter(scope => scope === needed || scopes?.has(scope)))
    const reason = `this needs the scope ${needed}, which the access token lacks`
    const body = ledger.refuse({ message, beside: { traceparent, host: caller.host }, code: 'FORBIDDEN', reason })
    return Response.json(body, { status: 403, headers: { 'WWW-Authenticate': resource.insufficient(all) } })
  }

  return async (request: AuditedRequest, serve: () => Promise<Response>): Promise<Response> => {
    const { message, traceparent, ledger } = request
    const { caller } = request.requester
    const beside = { traceparent, host: caller.host }
    const forbidden = stepUp(request)
    if (forbidden) return forbidden
    const isCall = message.method === 'tools/call'
    if (isCall && !calls.hasRoom(caller)) {
      const reason = 'too many calls of yours are being served or wait for an answer: end some, or wait'
      const headers = { 'Retry-After': '5' }
      return Response.json(ledger.refuse({ message, beside, code: 'RATE_LIMITED', reason }), { status: 429, headers })
    }
    const early = ledger.arrive(message, beside)
    if (early !== undefined) return Response.json(early ?? NO_ID, { status: 400 })
    if (!isCall) return await serve()
    calls.opened(ledger)
    const response = await serve()
    const unserved = response.status >= 400 && response.body && ledger.find(message.id as string | number)
    if (!unserved) return response
    const { error } = (await response.json()) as { error?: unknown }
    return Response.json(ledger.answer({ jsonrpc: '2.0', id: message.id, error }), { status: response.status })
  }
}

/** The answer to a `tools/call` without an id, which has no reply of its own. */
const NO_ID = {
  jsonrpc: '2.0',
  id: null,
  error: { code: -32600, message: 'INVALID_INPUT: tools/call needs an id', data: { code: 'INVALID_INPUT' } },
}

function nameOf({ params }: JsonRpc): unknown {
  return (params as { name?: unknown } | null | undefined)?.name
}
