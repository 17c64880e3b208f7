// Copied on purpose: a fault here must stay here.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller, CallLedger, RpcId } from '@narrow-deputies/guardrails/audit'
import { createTally } from './tally.ts'

/** Of one caller, with all their programs: anybody can have many. Each may wait for minutes, on a connection of its own. */
const MAX_PER_CALLER = 64
const IDLE_STEP_MS = 10

/** The calls that are being served, over all connections. */
export interface OpenCalls {
  /** Opens the ledger of one connection. @param onEnd told of each of its calls once it has ended */
  ledgerOf(caller: Caller, onEnd?: (id: RpcId) => void): CallLedger
  /** Whether this caller may have one more. */
  hasRoom(caller: Caller): boolean
  /** Counts a call that was entered in a ledger made here. */
  opened(ledger: CallLedger): void
  /** Counts `work` as well: what comes in may be on its way to be a call. */
  arriving<T>(work: () => Promise<T>): Promise<T>
  /** Resolves once nothing is served any more, or after `ms` milliseconds. */
  idle(ms: number): Promise<void>
  /** Ends what is still open. */
  abandon(): void
}

export function createOpenCalls(openLedger: (caller: Caller, onEnd: (id: RpcId) => void) => CallLedger): OpenCalls {
  const callerOf = new WeakMap<CallLedger, string>()
  const perCaller = createTally<string>()
  const perLedger = createTally<CallLedger>()
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
