import { setTimeout as sleep } from 'node:timers/promises'
import { createCounter } from '#call'
import type { Caller, CallLedger, RpcId } from '#guardrails/audit'

/**
 * Calls that one person may have in flight, over all their client programs. A person can run any number of programs, and
 * a call that waits for a human may hold its connection for minutes.
 */
const MAX_PER_CALLER = 64
const IDLE_STEP_MS = 10

/** Counts the calls that are being served, over all connections. */
export interface CallsInFlight {
  /** Opens the ledger of one connection. @param onEnd called with the id of each of its calls that has ended */
  ledgerOf(caller: Caller, onEnd?: (id: RpcId) => void): CallLedger
  /** Whether this caller may have one more call in flight. */
  hasRoom(caller: Caller): boolean
  /** Counts a call that was entered in a ledger from `ledgerOf`. It is counted until the ledger says that it ended. */
  opened(ledger: CallLedger): void
  /** Runs `work` and makes `idle` wait for it: a request that is being read may become a call. */
  arriving<T>(work: () => Promise<T>): Promise<T>
  /** Resolves once nothing is being served, or after `ms` milliseconds. */
  idle(ms: number): Promise<void>
  /** Ends every call that is still open, on record. */
  abandon(): void
}

export function createCallsInFlight(
  openLedger: (caller: Caller, onEnd: (id: RpcId) => void) => CallLedger,
): CallsInFlight {
  const callerOf = new WeakMap<CallLedger, string>()
  const perCaller = createCounter<string>()
  const perLedger = createCounter<CallLedger>()
  let arriving = 0

  const change = (ledger: CallLedger, how: 'add' | 'remove'): void => {
    perLedger[how](ledger)
    perCaller[how](callerOf.get(ledger) ?? '')
  }

  return {
    ledgerOf(caller, onEnd) {
      const ledger: CallLedger = openLedger(caller, id => {
        change(ledger, 'remove')
        onEnd?.(id)
      })
      callerOf.set(ledger, caller.id)
      return ledger
    },
    hasRoom: caller => perCaller.of(caller.id) < MAX_PER_CALLER,
    opened: ledger => change(ledger, 'add'),
    async arriving(work) {
      arriving += 1
      try {
        return await work()
      } finally {
        arriving -= 1
      }
    },
    async idle(ms) {
      const until = performance.now() + ms
      while ((arriving > 0 || perLedger.size > 0) && performance.now() < until) await sleep(IDLE_STEP_MS)
    },
    abandon() {
      for (const ledger of perLedger.keys()) ledger.abandon()
    },
  }
}
