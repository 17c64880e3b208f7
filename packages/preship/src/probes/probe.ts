import type { Result } from '../finding.ts'
import type { Surface, Tool } from '../surface.ts'
import type { Target } from '../target.ts'
import type { Abilities, Session } from '../wire/session.ts'
import type { Message } from '../wire/wire.ts'

/** One `tools/call` that was sent: what an audit log has to show. */
export interface SentCall {
  readonly tool: string
  /** As they were sent; undefined where a malformed call had none. */
  readonly args: unknown
  /** Milliseconds since 1970. */
  readonly at: number
  /** Sent along as trace context: 32 hex digits. */
  readonly traceId: string
  readonly refused: boolean
}

/** What probes work with. */
export interface Probing {
  readonly target: Target
  readonly surface: Surface
  /** The connection that probes share. */
  readonly session: Session
  /** Tools that may be called: those that say that they only read, or all. */
  readonly callable: readonly Tool[]
  /** Calls a tool with any arguments, and keeps note of it for the audit. @throws {WireError} */
  call(tool: string, args: unknown, extra?: Message): Promise<Message>
  /** Another connection, for what might break the shared one. The caller closes its wire. */
  open(abilities?: Abilities): Promise<Session>
  /** Milliseconds for one reply. */
  readonly timeoutMs: number
}

/** Tries something out. */
export type Probe = (probing: Probing) => Promise<Result>

/** Whether a reply says that the call was refused: as an error of the protocol, or as the result of the tool. */
export function isRefusal(reply: Message): boolean {
  if (reply.error !== undefined) return true
  return (reply.result as { isError?: unknown } | undefined)?.isError === true
}
