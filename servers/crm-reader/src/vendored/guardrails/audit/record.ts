/** What a record can report. `outcome`, `denied` and the `confirm` of a call that ends by asking are terminal. */
type AuditEvent = 'start' | 'intent' | 'outcome' | 'denied' | 'confirm' | 'recovered' | 'rotate' | 'stop'

export type Effect = 'read' | 'reversible' | 'irreversible'

/** How a call stands with the human: asked and accepted, asked and refused, not asked by the operator's choice, no need. */
export type Confirmation = 'elicited' | 'declined' | 'waived' | 'none'

/** The program that speaks MCP to us, by its own word. */
export interface Client {
  readonly name: string
  readonly version: string
}

/** Who calls: the operating system's user for a local server, a token's subject for a remote one. */
export interface Caller {
  readonly kind: 'os' | 'oauth'
  /** Empty for a remote caller who is not known. */
  readonly id: string
  /** The machine's name for a local caller, the network address that is seen for a remote one. */
  readonly host: string
  readonly client?: Client
  readonly clientId?: string
}

/** Names a caller for good: the same for one person with one program, whichever address or process it is seen from. */
export function principalOf({ kind, id, host, clientId }: Caller): string {
  return kind === 'oauth' ? JSON.stringify([kind, id, clientId ?? null]) : `${kind}:${id}@${host}`
}

/** W3C trace context. `claimed` by the caller, so it may correlate but never authorise. */
export interface Trace {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits: the caller's span. */
  readonly parentId?: string
  readonly source: 'claimed' | 'generated'
}

export interface AuditError {
  readonly code: string
  readonly message: string
}

/** What a writer says; the log adds the rest. */
export interface Entry {
  readonly event: AuditEvent
  readonly callId?: string
  readonly tool?: string
  readonly args?: unknown
  readonly result?: unknown
  readonly error?: AuditError
  /** Milliseconds since the call arrived. */
  readonly durationMs?: number
  readonly effect?: Effect
  readonly confirmation?: Confirmation
  readonly caller?: Caller
  readonly trace?: Trace
}

/** One line of an audit file, `v` 1. */
export interface AuditRecord extends Entry {
  readonly v: 1
  /** Counts from 1 without a gap along one file. */
  readonly seq: number
  /** ISO 8601 in UTC with milliseconds. */
  readonly time: string
  readonly server: string
  /** Names one run of one server process. */
  readonly instance: string
  /** Which key made `mac` and the pseudonyms. */
  readonly kid: string
  /** The `mac` of the record before; 64 zeros in the first. */
  readonly prev: string
  /** HMAC-SHA256 in hex, under the audit key, of the line as written, less `,"mac":"…"`. */
  readonly mac: string
}

export const GENESIS = '0'.repeat(64)

/** Where `mac` begins in a line: it is always the last field. */
const MAC_FIELD = /,"mac":"([0-9a-f]{64})"\}$/

/** Splits a written line (without its newline) into what the MAC covers and the MAC. Undefined for any other text. */
export function splitMac(line: string): { covered: string; mac: string } | undefined {
  const match = MAC_FIELD.exec(line)
  return match?.[1] === undefined ? undefined : { covered: `${line.slice(0, match.index)}}`, mac: match[1] }
}

/** The inverse of {@link splitMac}: `covered` is a JSON object's text. */
export function joinMac(covered: string, mac: string): string {
  return `${covered.slice(0, -1)},"mac":"${mac}"}`
}

/** Reads one line. Undefined unless it is a record of version 1 in shape; its MAC is not checked. */
export function parseRecord(line: string): AuditRecord | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null) return undefined
    const { v, seq, event, kid, prev, mac } = value as Partial<AuditRecord>
    const whole =
      v === 1 &&
      Number.isSafeInteger(seq) &&
      [event, kid, prev, mac].every(field => typeof field === 'string') &&
      splitMac(line) !== undefined
    return whole ? (value as AuditRecord) : undefined
  } catch {
    return undefined
  }
}
