/** What a record reports. Terminal events are `outcome`, `denied`, and `confirm` if the call ends with the question. */
type AuditEvent = 'start' | 'intent' | 'outcome' | 'denied' | 'confirm' | 'recovered' | 'rotate' | 'stop'

export type Effect = 'read' | 'reversible' | 'irreversible'

/** The human accepted (`elicited`) or refused, the operator turned the question off (`waived`), or none was needed. */
export type Confirmation = 'elicited' | 'declined' | 'waived' | 'none'

/** The MCP client program, as it names itself. Nothing verifies this. */
export interface Client {
  readonly name: string
  readonly version: string
}

/** Who calls: the operating system user of a local server, or the subject of a remote caller's token. */
export interface Caller {
  readonly kind: 'os' | 'oauth'
  /** Empty if a remote caller is not authenticated. */
  readonly id: string
  /** The host name of the machine for a local caller, the network address for a remote one. */
  readonly host: string
  readonly client?: Client
  readonly clientId?: string
}

/** A stable name for a caller: the same for one person with one client, whatever their address or process. */
export function principalOf({ kind, id, host, clientId }: Caller): string {
  return kind === 'oauth' ? JSON.stringify([kind, id, clientId ?? null]) : `${kind}:${id}@${host}`
}

/** W3C trace context. A `claimed` trace comes from the caller: use it to correlate records, never to authorise. */
export interface Trace {
  /** 32 hex digits. */
  readonly traceId: string
  /** The caller's span, 16 hex digits. */
  readonly parentId?: string
  readonly source: 'claimed' | 'generated'
}

export interface AuditError {
  readonly code: string
  readonly message: string
}

/** The fields of a record that its writer sets. The log adds the others. */
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

/** One line of an audit file, in version 1 of the format. */
export interface AuditRecord extends Entry {
  readonly v: 1
  /** Counts up from 1 within one file, without a gap. */
  readonly seq: number
  /** ISO 8601 in UTC with milliseconds. */
  readonly time: string
  readonly server: string
  /** Identifies one run of one server process. */
  readonly instance: string
  /** The id of the key that made `mac` and the pseudonyms. */
  readonly kid: string
  /** The `mac` of the previous record; 64 zeros in the first one. */
  readonly prev: string
  /** HMAC-SHA256 under the audit key, in hex, of the line as written but without `,"mac":"…"`. */
  readonly mac: string
}

export const GENESIS = '0'.repeat(64)

/** The `mac` field of a line, which is always the last one. */
const MAC_FIELD = /,"mac":"([0-9a-f]{64})"\}$/

/** Splits a line, given without its newline, into the text that the MAC covers and the MAC. Undefined for any other text. */
export function splitMac(line: string): { covered: string; mac: string } | undefined {
  const match = MAC_FIELD.exec(line)
  return match?.[1] === undefined ? undefined : { covered: `${line.slice(0, match.index)}}`, mac: match[1] }
}

/** The inverse of {@link splitMac}. `covered` is the text of a JSON object. */
export function joinMac(covered: string, mac: string): string {
  return `${covered.slice(0, -1)},"mac":"${mac}"}`
}

/** Parses one line. Undefined unless it has the form of a version 1 record. The MAC is not checked. */
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
