import type { Result } from '../finding.ts'
import type { JsonObject, Surface, Tool } from '../surface.ts'
import type { Target } from '../target.ts'
import type { Abilities, Session } from '../wire/session.ts'
import type { Message } from '../wire/wire.ts'

/** One `tools/call` that was sent: what an audit log has to show. */
export interface SentCall {
  /** Of a malformed call, which may have named none, what is wrong with it. */
  readonly tool: string
  /** As they were sent; undefined where a malformed call had none. */
  readonly args: unknown
  /** Milliseconds since 1970. */
  readonly at: number
  /** When the answer was there, or was waited for no longer. */
  readonly until: number
  /** Sent along as trace context: 32 hex digits. The two halves of a call that asked a person have the same. */
  readonly traceId: string
  readonly refused: boolean
  /** Not only its arguments: whoever reads it need not find a name or a trace in it. */
  readonly isMalformed?: boolean
}

/** How a call ended. `asked`: the server wanted a person's answer first, and got none. */
export type Outcome = 'done' | 'refused' | 'asked'

/** One reply, as far as it is looked at again: for what it gives away, and whether it keeps to its schema. */
export interface Heard {
  readonly tool: string
  readonly sent: string
  readonly outcome: Outcome
  readonly text: string
  readonly result: JsonObject | undefined
}

export interface CallOptions {
  /** What stands in the params beside name and arguments. */
  readonly extra?: Message
  /** Another connection than the shared one. */
  readonly session?: Session
  /** Of the call that this one continues. */
  readonly traceId?: string
}

export interface Reply {
  readonly outcome: Outcome
  readonly message: Message
  /** All that it says, errors too. */
  readonly text: string
  readonly traceId: string
}

/** What probes work with. */
export interface Probing {
  readonly target: Target
  readonly surface: Surface
  /** The connection that probes share. */
  readonly session: Session
  /** Tools that may be called: those that say that they only read, or all. */
  readonly callable: readonly Tool[]
  /** Arguments that work, by tool, where somebody gave them. */
  readonly examples: Readonly<Record<string, JsonObject>>
  /** Every reply to `call` so far. */
  readonly heard: readonly Heard[]
  /** Calls a tool with any arguments, and keeps note of it for the audit. @throws {WireError} */
  call(tool: string, args: unknown, options?: CallOptions): Promise<Reply>
  /** Keeps note of a call for the audit that was sent in another way, because it is malformed. */
  note(call: SentCall): void
  /** Another connection, for what might break the shared one. The caller closes its wire. */
  open(abilities?: Abilities): Promise<Session>
  /** Whether the time is up: what is left is left out. */
  isLate(): boolean
  /** Milliseconds for one reply. */
  readonly timeoutMs: number
}

/** Tries something out. */
export type Probe = (probing: Probing) => Promise<Result>

/** What can be tried from outside, by somebody whom nobody lets in. */
export interface Door {
  readonly url: URL
  /** Good for this server: for calls such as everybody makes. */
  readonly token: string | undefined
  /** Of the same provider, for somebody else: to be refused. */
  readonly foreignToken: string | undefined
  readonly timeoutMs: number
}

/** Tries something out at the door of a remote server. */
export type RemoteProbe = (door: Door) => Promise<Result>

/** Whether a reply says that the call was refused: as an error of the protocol, or as the result of the tool. */
export function isRefusal(reply: Message): boolean {
  if (reply.error !== undefined) return true
  return (reply.result as { isError?: unknown } | undefined)?.isError === true
}
