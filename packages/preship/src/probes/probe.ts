import type { Result } from '../finding.ts'
import type { JsonObject, Surface, Tool } from '../surface.ts'
import type { Target } from '../target.ts'
import type { Abilities, Session } from '../wire/session.ts'
import type { Message } from '../wire/wire.ts'

/** One `tools/call` request that was sent and has to be in the audit log. */
export interface SentCall {
  /** The tool name. For a malformed call, which may have no name, a description of the defect. */
  readonly tool: string
  /** The arguments as sent; of long ones, only the names. Undefined for a malformed call without arguments. */
  readonly args: unknown
  /** Milliseconds since 1970. */
  readonly at: number
  /** When the answer arrived or the wait ended. */
  readonly until: number
  /**
   * The trace id that was sent as trace context: 32 hex digits. The two requests of a call with a confirmation share
   * it.
   */
  readonly traceId: string
  readonly refused: boolean
  /** The message itself is malformed, so the server may be unable to read its tool name or trace id. */
  readonly isMalformed?: boolean
}

/** The outcome of a call. `asked`: the server asked the user, and received no approval. */
export type Outcome = 'done' | 'refused' | 'asked'

/** The part of a reply that later probes examine: for leaks, and against the output schema. */
export interface RecordedReply {
  readonly tool: string
  readonly sent: string
  readonly outcome: Outcome
  readonly text: string
  readonly output: Output
}

/** Whether the structured result matches the output schema. The result itself may be large and is not kept. */
export type Output = 'missing' | 'as promised' | { readonly violation: string }

export interface CallOptions {
  /** Further params besides name and arguments. */
  readonly extra?: Message
  /** A connection other than the shared one. */
  readonly session?: Session
  /** The trace id of the call that this one continues. */
  readonly traceId?: string
}

export interface Reply {
  readonly outcome: Outcome
  readonly message: Message
  /** All text of the reply, including errors. */
  readonly text: string
  readonly traceId: string
}

/** The context that all probes of an examination share. */
export interface ProbeContext {
  readonly target: Target
  readonly surface: Surface
  /** The shared connection. */
  readonly session: Session
  /** The tools that may be called: those annotated as read-only, or all of them with --write-probes. */
  readonly callable: readonly Tool[]
  /** Valid arguments by tool, from the manifest. */
  readonly examples: Readonly<Record<string, JsonObject>>
  /** Every reply to `call` so far. */
  readonly replies: readonly RecordedReply[]
  /** Calls a tool with any arguments, and records the call for the audit. @throws {WireError} */
  call(tool: string, args: unknown, options?: CallOptions): Promise<Reply>
  /** Records a call for the audit that was sent in another way because it is malformed. */
  record(call: SentCall): void
  /** Opens another connection, for probes that may break the shared one. The caller closes its wire. */
  open(abilities?: Abilities): Promise<Session>
  /** Whether to skip the remaining calls: the time limit was reached, or too many replies were oversized. */
  shouldStop(): boolean
  /** Timeout for one reply, in milliseconds. */
  readonly timeoutMs: number
}

/** Examines one aspect of a server by calling it. */
export type Probe = (context: ProbeContext) => Promise<Result>

/** A remote server as an unauthorized client sees it. */
export interface RemoteEndpoint {
  readonly url: URL
  /** A token that is valid for this server. */
  readonly token: string | undefined
  /** A token of the same provider for another server. The server must reject it. */
  readonly foreignToken: string | undefined
  readonly timeoutMs: number
}

/** Examines how a remote server admits requests. */
export type RemoteProbe = (endpoint: RemoteEndpoint) => Promise<Result>

/** Whether a reply reports a failure: a protocol error, or a result with isError. */
export function isRefusal(reply: Message): boolean {
  if (reply.error !== undefined) return true
  return (reply.result as { isError?: unknown } | undefined)?.isError === true
}
