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

/** A `tools/call` in progress. Its records end with exactly one terminal record. */
export interface Call {
  readonly callId: string
  readonly trace: Trace
  readonly caller: Caller
  /** Whether the intent is recorded. From then on, only the handler reports how the call ends. */
  readonly begun: boolean
  /** Joins the trace of the call that asked the human, so that question and answer have the same trace. */
  continueTrace(traceId: string): void
  /**
   * Records that the handler is about to run; for a tool that writes, the record is flushed to the disk.
   *
   * @throws {AuditUnavailableError} if the handler must not run
   */
  intent(confirmation: Confirmation): void
  /**
   * Records that the human is asked.
   *
   * @param ends whether the call ends with the question: the answer then comes with another call
   * @throws {AuditUnavailableError} if the question must not be asked
   */
  asked(ends: boolean): void
  /** The handler ran. @throws {AuditUnavailableError} if the record is kept until it can be written */
  outcome(end: { result: unknown } | { error: AuditError }, confirmation: Confirmation): void
  /** The call was refused before the handler ran. @throws {AuditUnavailableError} as `outcome` */
  denied(error: AuditError, confirmation?: Confirmation): void
  /**
   * The connection is gone, so nobody serves the call any more. A handler that is running may go on.
   *
   * @throws {AuditUnavailableError} as `outcome`
   */
  abandoned(): void
}

/** The form of tool names. An unknown name of this form is recorded in clear. It has no digits, as secrets have them. */
const TOOL_NAME = /^[A-Za-z][A-Za-z_.-]{0,47}$/

/**
 * @param params the params of the `tools/call`, which may be malformed
 * @param onEnd called once, when the call ends
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
      // The question may be asked only if this does not throw.
      log.append(question)
      if (ends) {
        ended = true
        onEnd()
      }
    },
    outcome(result, confirmation) {
      const recorded = 'result' in result ? { result: log.redact(result.result, policy?.result ?? {}) } : result
      end(entry('outcome', { ...recorded, durationMs: durationMs(), confirmation }))
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

/** Denies a call. Returns the error for the caller: the given one, or another if the refusal cannot be recorded. */
export function denyOrReport(call: Call, error: AuditError): AuditError {
  try {
    call.denied(error)
    return error
  } catch (failure) {
    if (!(failure instanceof AuditUnavailableError)) throw failure
    return { code: 'AUDIT_UNAVAILABLE', message: 'the refusal of this call cannot be recorded now; nothing was done' }
  }
}
