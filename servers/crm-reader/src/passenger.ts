// Copied on purpose: a fault here must stay here.
import type { CallLedger } from '@narrow-deputies/guardrails/audit'
import type { Visitor } from './gate.ts'

/** What travels with a request through the SDK. */
export interface Passenger {
  readonly ledger: CallLedger
  readonly scopes: Visitor['scopes']
}

/** The place that the SDK has for such things: what it knows of who a request is from. */
interface AuthInfo {
  readonly extra?: Record<string, unknown>
}

/** The token stays behind: nothing from here on has a use for it. */
export function seat(ledger: CallLedger, { caller, scopes }: Visitor) {
  const extra = { ledger, scopes } satisfies Passenger as Record<string, unknown>
  return { token: '', clientId: caller.clientId ?? '', scopes: [...(scopes ?? [])], extra }
}

/** @throws if the SDK lost it: without it, nobody may do anything */
export function passengerOf(authInfo: AuthInfo | undefined): Passenger {
  if (!authInfo?.extra) throw new Error('the SDK lost who a request is from')
  return authInfo.extra as unknown as Passenger
}
