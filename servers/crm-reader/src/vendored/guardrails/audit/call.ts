import { randomUUID } from 'node:crypto'
import { type AuditLog, AuditUnavailableError } from './audit-log.ts'
import type { AuditError, Caller, Confirmation, Effect, Entry, Trace } from './record.ts'
import type { FieldPolicy } from './redaction.ts'

/** How a tool's calls are recorded. */
export interface ToolPolicy {
  readonly effect: Effect
  readonly args: FieldPolicy
  readonly result: FieldPolicy
}

/** One `tools/call` on its way: what it writes ends in exactly one terminal record. */
export interface Call {
  readonly callId: string
  readonly trace: Trace
  readonly caller: Caller
  /** Whether its intent is on record: from then on its handler tells how it ends, and nobody else. */
  readonly begun: boolean
  /** Takes the trace of the call that asked the human, so that question and answer are found together. */
  continueTrace(traceId: string): void
  /** Written, for a write on the disk, before the handler runs. @throws {AuditUnavailableError} it must not run */
  intent(confirmation: Confirmation): void
  /** The human is asked. `ends`: the answer comes with another call. @throws {AuditUnavailableError} do not ask */
  asked(ends: boolean): void
  /** The handler ran. @throws {AuditUnavailableError} the record is kept until it can be written */
  outcome(end: { result: unknown } | { error: AuditError }, confirmation: Confirmation): void
  /** The call was refused before its handler ran. @throws {AuditUnavailableError} as `outcome` */
  denied(error: AuditError, confirmation?: Confirmation): void
  /** Nobody serves the call any more. What its handler has begun may go on. @throws {AuditUnavailableError} as `outcome` */
  abandoned(): void
}

/** How tools are named: what is no tool's name but looks like one may be written as it is. A secret has digits. */
const TOOL_NAME = /^[A-Za-z][A-Za-z_.-]{0,47}$/

/**
 * @param params of the `tools/call`, however malformed
 * @param onEnd told once, when the terminal record is written or kept
 */
export function openCall(
  log: AuditLog,
  policy: ToolPolicy | undefined,
  params: Record<string, unknown>,
  context: { caller: Caller; trace: Trace },
  onEnd: () => void,
): Call {
  const startedAt = performance.now()
  const callId = randomUUID()
  const { name, arguments: args } = params
  const tool =
    typeof name !== 'string' ? undefined : policy || TOOL_NAME.test(name) ? name : log.redact(name, 'pseudonym')
  const redactedArgs = args === undefined ? undefined : log.redact(args, policy?.args ?? {})
  let trace = context.trace
  let intended: Confirmation | undefined
  let ended = false

  const entry = (event: Entry['event'], fields: Partial<Entry>): Entry => ({
    event,
    callId,
    ...(tool !== undefined && { tool: String(tool) }),
    ...(redactedArgs !== undefined && { args: redactedArgs }),
    ...fields,
    ...(policy && { effect: policy.effect }),
    caller: context.caller,
    trace,
  })
  const durationMs = (): number => Math.round((performance.now() - startedAt) * 1000) / 1000

  const assertOpen = (): void => {
    if (ended) throw new Error(`call ${callId} ended twice`)
  }
  const end = (last: Entry): void => {
    assertOpen()
    ended = true
    onEnd()
    log.report(last)
  }

  return {
    callId,
    get trace() {
      return trace
    },
    caller: context.caller,
    get begun() {
      return intended !== undefined
    },
    continueTrace(traceId) {
      if (trace.source === 'generated') trace = { traceId, source: 'generated' }
    },
    intent(confirmation) {
      assertOpen()
      log.append(entry('intent', { confirmation }), { durable: policy?.effect !== 'read' })
      intended = confirmation
    },
    asked(ends) {
      assertOpen()
      const question = entry('confirm', { confirmation: 'none', ...(ends && { durationMs: durationMs() }) })
      // A question that is not on record is not asked.
      log.append(question)
      if (ends) {
        ended = true
        onEnd()
      }
    },
    outcome(result, confirmation) {
      const shown = 'result' in result ? { result: log.redact(result.result, policy?.result ?? {}) } : result
      end(entry('outcome', { ...shown, durationMs: durationMs(), confirmation }))
    },
    denied(error, confirmation = 'none') {
      end(entry('denied', { error, durationMs: durationMs(), confirmation }))
    },
    abandoned() {
      if (intended === undefined)
        this.denied({ code: 'CANCELLED', message: 'the connection ended before the call was served' })
      else this.outcome({ error: { code: 'CANCELLED', message: 'the connection ended while the call ran' } }, intended)
    },
  }
}

/** Denies a call; what to tell the caller, who is told too if that cannot be recorded. */
export function denyOrReport(call: Call, error: AuditError): AuditError {
  try {
    call.denied(error)
    return error
  } catch (failure) {
    if (!(failure instanceof AuditUnavailableError)) throw failure
    return { code: 'AUDIT_UNAVAILABLE', message: 'the refusal of this call cannot be recorded now; nothing was done' }
  }
}
