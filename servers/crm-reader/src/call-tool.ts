// Copied on purpose: a fault here must stay here.
import { AuditUnavailableError, type Call, formatTraceparent, principalOf } from '@narrow-deputies/guardrails/audit'
import { asCoded, CodedError } from './errors.ts'
import { parseInput } from './input.ts'
import type { Tool } from './tool.ts'

/** How one call ended. */
export type Ending = { kind: 'done'; output: Record<string, unknown> } | { kind: 'failed'; error: CodedError }

export interface Request<Ports> {
  readonly call: Call
  readonly args: unknown
  /** Whether the request brings an answer to a question; nothing is ever asked here. */
  readonly answered: boolean
  readonly ports: Ports
  /** What the caller may do; undefined: everything, as a local one may. */
  readonly scopes: ReadonlySet<string> | undefined
  readonly cancelled: AbortSignal
  /** Told of what nobody foresaw. */
  readonly onFault: (fault: unknown) => void
}

const CANCELLED = new CodedError('CANCELLED', 'Cancelled before anything was done.')

/** The order of a call, and the only place that decides how it ends: parse, scope, guard, intent, handler, outcome. */
export async function callTool<Ports>(tool: Tool<Ports>, request: Request<Ports>): Promise<Ending> {
  const { call, args, answered, ports, scopes, cancelled } = request
  let subject: unknown
  try {
    const input = parseInput(tool, args)
    if (scopes && !scopes.has(tool.scope))
      throw new CodedError('FORBIDDEN', `This needs the scope ${tool.scope}, which the caller does not have.`)
    if (answered) throw new CodedError('CONFIRMATION_INVALID', 'This tool asks nothing, so there is nothing to answer.')
    subject = tool.guard(input, ports)
    if (cancelled.aborted) throw CANCELLED
    call.intent('none')
  } catch (failure) {
    const error = known(failure, request)
    return {
      kind: 'failed',
      error: keptBack(() => call.denied(shown(error))) ? unwritable('Nothing was done.') : error,
    }
  }
  return await run(tool, subject, request)
}

async function run<Ports>(tool: Tool<Ports>, subject: unknown, request: Request<Ports>): Promise<Ending> {
  const { call, ports, cancelled } = request
  let ending: Ending
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
  if (!keptBack(() => call.outcome(end, 'none'))) return ending
  return {
    kind: 'failed',
    error: unwritable(ending.kind === 'done' ? 'The result is withheld.' : ending.error.message),
  }
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

function known<Ports>(failure: unknown, { onFault }: Request<Ports>): CodedError {
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
