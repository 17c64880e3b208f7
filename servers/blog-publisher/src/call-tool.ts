// Copied on purpose: a fault here must stay here.
import {
  AuditUnavailableError,
  type Call,
  type Confirmation,
  formatTraceparent,
  principalOf,
} from '@narrow-deputies/guardrails/audit'
import { asCoded, CodedError } from './errors.ts'
import { parseInput } from './input.ts'
import type { Tool } from './tool.ts'

/** How one call ended. `asked`: by asking the human; `reply` is for the client, in its protocol's words. */
export type Ending<Reply> =
  | { kind: 'done'; output: Record<string, unknown> }
  | { kind: 'failed'; error: CodedError }
  | { kind: 'asked'; reply: Reply }

/** What the human is asked, and what the answer is bound to. */
export interface Question {
  readonly call: Call
  readonly tool: string
  readonly args: unknown
  /** Of the content behind the arguments. */
  readonly digest: string
  readonly text: string
}

/** Asks the human about one call. */
export interface Asker<Reply> {
  /** Whether the request brings an answer, whoever made it up. */
  readonly answered: boolean
  /** @throws {CodedError} unless the answer is yes, or is still to come with another call */
  ask(question: Question): Promise<'accepted' | { reply: Reply }>
}

export interface Request<Ports, Reply> {
  readonly call: Call
  readonly args: unknown
  readonly ports: Ports
  /** What the caller may do; undefined: everything, as a local one may. */
  readonly scopes: ReadonlySet<string> | undefined
  readonly asker: Asker<Reply>
  /** Whether the operator wants the human asked. */
  readonly mustAsk: boolean
  readonly cancelled: AbortSignal
  /** Told of what nobody foresaw. */
  readonly onFault: (fault: unknown) => void
}

const CANCELLED = new CodedError('CANCELLED', 'Cancelled before anything was done.')

/** The order of a call, and the only place that decides how it ends: parse, scope, guard, confirm, intent, handler, outcome. */
export async function callTool<Ports, Reply>(
  tool: Tool<Ports>,
  request: Request<Ports, Reply>,
): Promise<Ending<Reply>> {
  const { call, args, ports, scopes, asker, mustAsk, cancelled } = request
  const confirm = mustAsk ? tool.confirm : undefined
  let confirmation: Confirmation = 'none'
  let subject: unknown
  try {
    const input = parseInput(tool, args)
    if (scopes && !scopes.has(tool.scope))
      throw new CodedError('FORBIDDEN', `This needs the scope ${tool.scope}, which the caller does not have.`)
    if (asker.answered && !confirm)
      throw new CodedError('CONFIRMATION_INVALID', 'This tool asks nothing, so there is nothing to answer.')
    subject = tool.guard(input, ports)
    if (confirm) {
      const digest = tool.digest(subject)
      const answer = await asker.ask({ call, tool: tool.name, args: input, digest, text: confirm(subject) })
      if (answer !== 'accepted') return { kind: 'asked', reply: answer.reply }
      confirmation = 'elicited'
      // The human took time: what is acted on must still be what was shown.
      subject = tool.guard(input, ports)
      if (tool.digest(subject) !== digest)
        throw new CodedError('CONFIRMATION_INVALID', 'The content changed after it was shown. Call again to ask anew.')
    }
    if (!confirm && tool.effect === 'irreversible') confirmation = 'waived'
    if (cancelled.aborted) throw CANCELLED
    call.intent(confirmation)
  } catch (failure) {
    const error = cancelled.aborted ? CANCELLED : known(failure, request)
    const unwritten = keptBack(() =>
      call.denied(shown(error), error.code === 'CONFIRMATION_DECLINED' ? 'declined' : confirmation),
    )
    return { kind: 'failed', error: unwritten ? unwritable('Nothing was done.') : error }
  }
  return await run(tool, subject, confirmation, request)
}

async function run<Ports, Reply>(
  tool: Tool<Ports>,
  subject: unknown,
  confirmation: Confirmation,
  request: Request<Ports, Reply>,
): Promise<Ending<Reply>> {
  const { call, ports, cancelled } = request
  let ending: Exclude<Ending<Reply>, { kind: 'asked' }>
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
  if (!keptBack(() => call.outcome(end, confirmation))) return ending
  const happened = tool.effect === 'read' ? 'The result is withheld.' : 'It was carried out: do not repeat it.'
  return { kind: 'failed', error: unwritable(ending.kind === 'done' ? happened : ending.error.message) }
}

/** Whether a record had to be kept back, as none can be written now. */
function keptBack(write: () => void): boolean {
  try {
    write()
    return false
  } catch (error) {
    if (error instanceof AuditUnavailableError) return true
    throw error
  }
}

function known<Ports, Reply>(failure: unknown, { onFault }: Request<Ports, Reply>): CodedError {
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
