import type { CallLedger } from '#guardrails/audit'
import type { Requester } from './admission.ts'

/** What the tools need to know about a request, carried through the SDK. */
export interface RequestContext {
  readonly ledger: CallLedger
  readonly scopes: Requester['scopes']
}

/** The part of the SDK’s own type that is used here: its place for what an application knows about the caller. */
interface AuthInfo {
  readonly extra?: Record<string, unknown>
}

/** Puts the context in the SDK’s `authInfo`. The token is left out: nothing from here on needs it. */
export function asAuthInfo(ledger: CallLedger, { caller, scopes }: Requester) {
  const extra = { ledger, scopes } satisfies RequestContext as Record<string, unknown>
  return { token: '', clientId: caller.clientId ?? '', scopes: [...(scopes ?? [])], extra }
}

/** Takes the context out again. @throws if it is missing: without it nothing is allowed */
export function requestContextOf(authInfo: AuthInfo | undefined): RequestContext {
  if (!authInfo?.extra) throw new Error('the SDK did not pass the request’s context on')
  return authInfo.extra as unknown as RequestContext
}
