import { randomUUID } from 'node:crypto'
import type { Connections } from './connections.ts'
import { isRefusal, type ProbeContext, type RecordedReply, type SentCall } from './probes/probe.ts'
import { textOf } from './probes/reply-text.ts'
import { outputOf } from './probes/results.ts'
import { truncate } from './sanitize.ts'
import type { SharedConnection } from './shared-connection.ts'
import { isObject, type JsonObject, objectOf, type Surface } from './surface.ts'
import type { Target } from './target.ts'
import { type Message, WireError } from './wire/wire.ts'

export interface ProbeContextOptions {
  readonly target: Target
  /** Whether tools that write may be called. Only for a server in a sandbox. */
  readonly mayWrite: boolean
  /** Valid arguments by tool, for tools whose schema does not lead to a valid call. */
  readonly examples?: Readonly<Record<string, JsonObject>>
  /** Timeout for one reply, in milliseconds. */
  readonly timeoutMs: number
}

/** The number of replies that are kept for later probes. */
const MAX_REPLIES = 5_000
/** After this many oversized replies, the remaining calls are skipped: they would end the same way. */
const MAX_OVERSIZED_REPLIES = 3
/** The number of characters that are kept of the arguments of one call. */
const MAX_SENT = 20_000

/**
 * Creates the context that the probes share. It keeps a bounded part of calls and replies, because the server controls
 * their number and size.
 *
 * @returns also every call that is made through the context, for the audit
 */
export function createProbeContext(
  { target, mayWrite, timeoutMs, examples = {} }: ProbeContextOptions,
  connections: Connections,
  connection: SharedConnection,
  surface: Surface,
): { readonly context: ProbeContext; readonly calls: readonly SentCall[] } {
  const calls: SentCall[] = []
  const replies: RecordedReply[] = []
  let oversizedReplies = 0
  const schemas = new Map(surface.tools.map(({ name, outputSchema }) => [name, outputSchema]))
  const context: ProbeContext = {
    target,
    surface,
    get session() {
      return connection.session
    },
    callable: surface.tools.filter(({ annotations }) => mayWrite || annotations.readOnlyHint === true),
    examples,
    replies,
    timeoutMs,
    shouldStop: () => connections.isOver || oversizedReplies >= MAX_OVERSIZED_REPLIES,
    async call(tool, args, { extra = {}, session, traceId = randomUUID().replaceAll('-', '') } = {}) {
      const at = Date.now()
      const _meta = { traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01` }
      const elicitationsBefore = connection.elicitations
      const json = JSON.stringify(args) ?? ''
      let refused = true
      try {
        const params = { name: tool, ...(args !== undefined && { arguments: args }), ...extra, _meta }
        const message: Message = await (session ?? connection.session).request('tools/call', params)
        refused = isRefusal(message)
        const isAsking =
          objectOf(message.result).resultType === 'input_required' || connection.elicitations > elicitationsBefore
        const outcome = isAsking ? 'asked' : refused ? 'refused' : 'done'
        const text = textOf(message)
        const output = outputOf(message, schemas.get(tool))
        if (replies.length < MAX_REPLIES) replies.push({ tool, sent: truncate(json, MAX_SENT), outcome, text, output })
        return { outcome, message, text, traceId }
      } catch (error) {
        const isGone = error instanceof WireError && error.fault === 'closed'
        if (session === undefined && isGone && !connections.isOver) await connection.renew()
        if (error instanceof WireError && error.fault === 'too-large') oversizedReplies += 1
        throw error
      } finally {
        calls.push({
          tool,
          args: json.length > MAX_SENT ? namesOf(args) : args,
          at,
          until: Date.now(),
          traceId,
          refused,
        })
      }
    },
    record: call => void calls.push(call),
    open: abilities => connections.open(abilities ?? {}),
  }
  return { context, calls }
}

/** Long arguments are reduced to their names, because the server controls how many tools are called with them. */
function namesOf(args: unknown): unknown {
  return isObject(args) ? Object.fromEntries(Object.keys(args).map(name => [name, '…'])) : '…'
}
