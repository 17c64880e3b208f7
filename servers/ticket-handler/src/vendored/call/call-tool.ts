import { AuditUnavailableError, type Call, type Confirmation, formatTraceparent, principalOf } from '#guardrails/audit'
import { asCoded, CodedError } from './errors.ts'
import { parseInput } from './input.ts'
import type { Tool } from './tool.ts'

/** How one call ended. `asked`: with a question to the human; `reply` is for the client, in its protocol's words. */
export type CallEnding<Reply> =
  | { kind: 'done'; output: Record<string, unknown> }
  | { kind: 'failed'; error: CodedError }
  | { kind: 'asked'; reply: Reply }

/** Asks the human about one call. */
export interface CallConfirmation<Reply> {
  /** Stands for what the human is shown: if it changes, the answer is void. */
  digest(subject: unknown): string
  /**
   * @param input the checked arguments
   * @returns `accepted`, or the reply that asks, if the answer comes with another call
   * @throws {CodedError} if the answer is not yes, or nobody can be asked
   */
  ask(input: unknown, subject: unknown): Promise<'accepted' | { reply: Reply }>
}

export interface CallRequest<Ports, Reply> {
  readonly call: Call
  readonly args: unknown
  readonly ports: Ports
  /** What the caller may do. Undefined: everything, as a local caller may. */
  readonly scopes: ReadonlySet<string> | undefined
  /** Whether the request brings an answer to a question, whoever wrote it. */
  readonly answered: boolean
  /** Undefined if the human is asked nothing about this call. */
  readonly confirmation: CallConfirmation<Reply> | undefined
  readonly cancelled: AbortSignal
  /** Receives unexpected errors. */
  readonly onFault: (fault: unknown) => void
}

const CANCELLED = new CodedError('CANCELLED', 'Cancelled before anything was done.')

/**
 * The order of a call, and the only place that decides how it ends: parse, scope, guard, confirm, intent, handler,
 * outcome. Never throws because of a caller or a backend.
 */
export async function callTool<Ports, Reply>(
  tool: Tool<Ports>,
  request: CallRequest<Ports, Reply>,
): Promise<CallEnding<Reply>> {
  const { call, args, ports, scopes, answered, confirmation, cancelled } = request
  let confirmed: Confirmation = 'none'
  let subject: unknown
  try {
    const input = parseInput(tool, args)
    if (scopes && !scopes.has(tool.scope))
      throw new CodedError('FORBIDDEN', `This needs the scope ${tool.scope}, which the caller does not have.`)
    if (answered && !confirmation)
      throw new CodedError('CONFIRMATION_INVALID', 'This tool asks nothing, so there is nothing to answer.')
    subject = tool.guard(input, ports)
    if (confirmation) {
      const digest = confirmation.digest(subject)
      const answer = await confirmation.ask(input, subject)
      if (answer !== 'accepted') return { kind: 'asked', reply: answer.reply }
      confirmed = 'elicited'
      // The human took time: what is acted on must still be what was shown.
      subject = tool.guard(input, ports)
      if (confirmation.digest(subject) !== digest)
        throw new CodedError('CONFIRMATION_INVALID', 'The content changed after it was shown. Call again to ask anew.')
    }
    if (!confirmation && tool.effect === 'irreversible') confirmed = 'waived'
    if (cancelled.aborted) throw CANCELLED
    call.intent(confirmed)
  } catch (failure) {
    const error = cancelled.aborted ? CANCELLED : known(failure, request)
    const denied = (): void =>
      call.denied(shown(error), error.code === 'CONFIRMATION_DECLINED' ? 'declined' : confirmed)
    return { kind: 'failed', error: isUnwritable(denied) ? unwritable('Nothing was done.') : error }
  }
  return await run(tool, subject, confirmed, request)
}

async function run<Ports, Reply>(
  tool: Tool<Ports>,
  subject: unknown,
  confirmed: Confirmation,
  request: CallRequest<Ports, Reply>,
): Promise<CallEnding<Reply>> {
  const { call, ports, cancelled } = request
  let ending: Exclude<CallEnding<Reply>, { kind: 'asked' }>
  try {
    const output = await tool.handler(subject, ports, {
      signal: cancelled,
      callId: call.callId,
      callerId: principalOf(call.caller),
      traceparent: formatTraceparent(call.trace),
    })
    ending = { kind: 'done', output: tool.parseOutput(output) }
  } catch (failure) {
    const error = known(failure, request)
    ending = { kind: 'failed', error: cancelled.aborted ? new CodedError('CANCELLED', error.message) : error }
  }
  const end = ending.kind === 'done' ? { result: ending.output } : { error: shown(ending.error) }
  if (!isUnwritable(() => call.outcome(end, confirmed))) return ending
  const happened = tool.effect === 'read' ? 'The result is withheld.' : 'It was carried out: do not repeat it.'
  return { kind: 'failed', error: unwritable(ending.kind === 'done' ? happened : ending.error.message) }
}

/** Whether the audit log could not take a record. */
function isUnwritable(write: () => void): boolean {
  try {
    write()
    return false
  } catch (error) {
    if (error instanceof AuditUnavailableError) return true
    throw error
  }
}

function known<Ports, Reply>(failure: unknown, { onFault }: CallRequest<Ports, Reply>): CodedError {
  if (failure instanceof AuditUnavailableError) return unwritable('Nothing was done.')
  const error = asCoded(failure)
  if (error.code === 'INTERNAL') onFault(failure)
  return error
}

function unwritable(what: string): CodedError {
  return new CodedError('AUDIT_UNAVAILABLE', `The audit log cannot be written. ${what} Tell the operator.`)
}

function shown({ code, message }: CodedError): { code: string; message: string } {
  return { code, message }
}
