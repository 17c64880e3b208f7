import { type JsonObject, objectOf } from '../surface.ts'
import { WireError } from '../wire/wire.ts'
import { type CallOptions, isRefusal, type Outcome, type ProbeContext } from './probe.ts'
import { saysDeclined, soundsRefused } from './reply-text.ts'

/**
 * How a call ended. `prose`: the text says that it failed, but the reply reports success. `unanswered`: no usable
 * reply.
 */
export interface Attempt {
  readonly outcome: Outcome | 'prose' | 'unanswered'
  readonly text: string
  readonly structured: unknown
  /** The questions for the user, with the names under which the answers are returned. */
  readonly questions?: JsonObject
  readonly requestState?: string
  readonly traceId?: string
  /** Whether the call was carried out, even if the user was asked and declined. */
  readonly isCarriedOut?: boolean
}

const REFUSING_STATUS = new Set([400, 403, 404, 413, 414, 415, 422, 429, 431])

/** Calls a tool and returns the outcome. A missing reply is an outcome, too. */
export async function attempt(
  context: ProbeContext,
  tool: string,
  args: unknown,
  options: CallOptions = {},
): Promise<Attempt> {
  try {
    const { outcome, message, text, traceId } = await context.call(tool, args, options)
    const { structuredContent, requestState, inputRequests, resultType } = objectOf(message.result)
    const isNo = structuredContent === undefined && saysDeclined(text)
    return {
      outcome: outcome === 'done' && structuredContent === undefined && soundsRefused(text) ? 'prose' : outcome,
      text,
      structured: structuredContent ?? parsed(text),
      traceId,
      questions: objectOf(inputRequests),
      isCarriedOut: !isRefusal(message) && resultType !== 'input_required' && !isNo,
      ...(typeof requestState === 'string' && { requestState }),
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    const isRefused = error.status !== undefined && REFUSING_STATUS.has(error.status)
    return { outcome: isRefused ? 'refused' : 'unanswered', text: error.message, structured: undefined }
  }
}

/** Many servers return JSON in a text block. */
function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
