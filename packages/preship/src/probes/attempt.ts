import { type JsonObject, objectOf } from '../surface.ts'
import { WireError } from '../wire/wire.ts'
import { type CallOptions, isRefusal, type Outcome, type Probing } from './probe.ts'
import { saysDeclined, soundsRefused } from './reply-text.ts'

/** How a call that may be hostile ended. `prose`: words that say no, in a reply that says yes. */
export interface Attempt {
  readonly outcome: Outcome | 'prose' | 'unanswered'
  readonly text: string
  readonly structured: unknown
  /** What the server asked the person, by the names that the answers go by. */
  readonly questions?: JsonObject
  readonly requestState?: string
  readonly traceId?: string
  /** Whether it was done, also if the person was asked and said no. */
  readonly isCarriedOut?: boolean
}

const REFUSING_STATUS = new Set([400, 403, 404, 413, 414, 415, 422, 429, 431])

/** Calls a tool and tells how it ended; no reply at all is one of the ways. */
export async function attempt(
  probing: Probing,
  tool: string,
  args: unknown,
  options: CallOptions = {},
): Promise<Attempt> {
  try {
    const { outcome, message, text, traceId } = await probing.call(tool, args, options)
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

/** Many servers put JSON into a text. */
function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
