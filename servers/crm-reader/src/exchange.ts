// Copied on purpose: a fault here must stay here.
import type { CallLedger, JsonRpc } from '@narrow-deputies/guardrails/audit'
import type { Visitor } from './gate.ts'
import type { OpenCalls } from './open-calls.ts'
import type { ProtectedResource } from './protected-resource.ts'

/** One message that came by HTTP from somebody who was let in. */
export interface Exchange {
  readonly message: JsonRpc
  /** From the request's header. */
  readonly traceparent: string | undefined
  readonly visitor: Visitor
  readonly ledger: CallLedger
}

/**
 * Makes what serves a message: every call is on record before the SDK sees it, also one that the SDK refuses before its
 * transport would show it, and one whose token does not allow it.
 *
 * @param tools with the scope that each needs
 * @param resource undefined where nobody is asked for a token
 */
export function createExchanges(
  tools: readonly { readonly name: string; readonly scope: string }[],
  resource: ProtectedResource | undefined,
  calls: OpenCalls,
) {
  const scopeOf = new Map<unknown, string>(tools.map(({ name, scope }) => [name, scope]))

  /** A real 403, by which a client knows what to ask its user for. */
  const stepUp = ({ message, traceparent, visitor, ledger }: Exchange): Response | undefined => {
    const { scopes, caller } = visitor
    const needed = message.method === 'tools/call' ? scopeOf.get(nameOf(message)) : undefined
    if (!resource || needed === undefined || scopes?.has(needed)) return undefined
    // All that the next token has to have: one with this scope alone would cost the client what it could do before.
    const all = new Set([...scopeOf.values()].filter(scope => scope === needed || scopes?.has(scope)))
    const reason = `this needs the scope ${needed}, which the access token lacks`
    const body = ledger.refuse({ message, beside: { traceparent, host: caller.host }, code: 'FORBIDDEN', reason })
    return Response.json(body, { status: 403, headers: { 'WWW-Authenticate': resource.insufficient(all) } })
  }

  return async (exchange: Exchange, serve: () => Promise<Response>): Promise<Response> => {
    const { message, traceparent, ledger } = exchange
    const { caller } = exchange.visitor
    const beside = { traceparent, host: caller.host }
    const forbidden = stepUp(exchange)
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

/** To a call that cannot be answered as one. */
const NO_ID = {
  jsonrpc: '2.0',
  id: null,
  error: { code: -32600, message: 'INVALID_INPUT: tools/call needs an id', data: { code: 'INVALID_INPUT' } },
}

function nameOf({ params }: JsonRpc): unknown {
  return (params as { name?: unknown } | null | undefined)?.name
}
