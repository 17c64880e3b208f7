import { randomUUID } from 'node:crypto'
import { cut } from './plain-text.ts'
import { type Heard, isRefusal, type Probing, type SentCall } from './probes/probe.ts'
import { textOf } from './probes/reply-text.ts'
import { outputOf } from './probes/results.ts'
import type { SharedConnection } from './shared-connection.ts'
import { isObject, type JsonObject, objectOf, type Surface } from './surface.ts'
import type { Target } from './target.ts'
import type { Visit } from './visit.ts'
import { type Message, WireError } from './wire/wire.ts'

export interface ProbingOptions {
  readonly target: Target
  /** Whether tools that write may be called, too: only for a server in a sandbox. */
  readonly mayWrite: boolean
  /** Arguments that work, by tool, for a server whose own words do not lead to any. */
  readonly examples?: Readonly<Record<string, JsonObject>>
  /** Milliseconds for one reply. */
  readonly timeoutMs: number
}

/** Replies that are looked at again. */
const MAX_HEARD = 5_000
/** Calls whose replies are more than is read. After so many, the others are left out: they would end the same way. */
const MOST_TOO_LARGE = 3
/** Characters that are kept of the arguments of one call. */
const MAX_SENT = 20_000

/**
 * Makes what probes work with. What is kept of calls and replies is bounded: the server decides how much there is of it.
 *
 * @returns also every call that is made with it, for the audit
 */
export function startProbing(
  { target, mayWrite, timeoutMs, examples = {} }: ProbingOptions,
  visit: Visit,
  connection: SharedConnection,
  surface: Surface,
): { readonly probing: Probing; readonly calls: readonly SentCall[] } {
  const calls: SentCall[] = []
  const heard: Heard[] = []
  let tooLarge = 0
  const schemas = new Map(surface.tools.map(({ name, outputSchema }) => [name, outputSchema]))
  const probing: Probing = {
    target,
    surface,
    get session() {
      return connection.session
    },
    callable: surface.tools.filter(({ annotations }) => mayWrite || annotations.readOnlyHint === true),
    examples,
    heard,
    timeoutMs,
    isLate: () => visit.isOver || tooLarge >= MOST_TOO_LARGE,
    async call(tool, args, { extra = {}, session, traceId = randomUUID().replaceAll('-', '') } = {}) {
      const at = Date.now()
      const _meta = { traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01` }
      const askedBefore = connection.asked
      const json = JSON.stringify(args) ?? ''
      let refused = true
      try {
        const params = { name: tool, ...(args !== undefined && { arguments: args }), ...extra, _meta }
        const message: Message = await (session ?? connection.session).request('tools/call', params)
        refused = isRefusal(message)
        const isAsking = objectOf(message.result).resultType === 'input_required' || connection.asked > askedBefore
        const outcome = isAsking ? 'asked' : refused ? 'refused' : 'done'
        const text = textOf(message)
        const output = outputOf(message, schemas.get(tool))
        if (heard.length < MAX_HEARD) heard.push({ tool, sent: cut(json, MAX_SENT), outcome, text, output })
        return { outcome, message, text, traceId }
      } catch (error) {
        const isGone = error instanceof WireError && error.fault === 'closed'
        if (session === undefined && isGone && !visit.isOver) await connection.renew()
        if (error instanceof WireError && error.fault === 'too-large') tooLarge += 1
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
    note: call => void calls.push(call),
    open: abilities => visit.open(abilities ?? {}),
  }
  return { probing, calls }
}

/** What is kept of long arguments: it is the server that decides how many tools there are to be called with them. */
function namesOf(args: unknown): unknown {
  return isObject(args) ? Object.fromEntries(Object.keys(args).map(name => [name, '…'])) : '…'
}
