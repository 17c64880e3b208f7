import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import type { SentCall } from '../probes/probe.ts'
import { sanitize } from '../sanitize.ts'
import { isObject, type JsonObject, objectOf } from '../surface.ts'
import { type AuditLog, readAuditLog, UnreadableLogError } from './audit-log.ts'
import type { EvidenceSource } from './evidence-source.ts'

export const AUDIT_KINDS = {
  AUDIT_UNREADABLE: {
    item: 5,
    severity: 'error',
    title: 'Audit log cannot be read',
    why: 'An audit log that cannot be read proves nothing.',
    narrow: 'Write one JSON object per line to the named file.',
  },
  AUDIT_CALL_MISSING: {
    item: 5,
    severity: 'error',
    title: 'Executed call is missing from the audit log',
    why: 'Nobody can find out later what was done on a user’s behalf.',
    narrow: 'Write the record before the handler runs, and refuse the call if the record cannot be written.',
  },
  AUDIT_REFUSAL_MISSING: {
    item: 5,
    severity: 'error',
    title: 'Refused call is missing from the audit log',
    why: 'Attacks begin with refused calls, so these are the ones to alert on.',
    narrow: 'Record calls at the transport, including those that never reach a handler.',
  },
  AUDIT_CALL_TWICE: {
    item: 5,
    severity: 'error',
    title: 'Audit log has more than one outcome for a call',
    why: 'It is unclear whether the call was carried out or refused.',
    narrow: 'Determine the outcome of a call in one place, and record it there once.',
  },
  AUDIT_WITHOUT_TIME: {
    item: 5,
    severity: 'error',
    title: 'Audit records have no time',
    why: 'They cannot be correlated with the logs of other systems.',
    narrow: 'Write an ISO 8601 time with milliseconds into each record.',
  },
  AUDIT_WITHOUT_TOOL: {
    item: 5,
    severity: 'error',
    title: 'Audit records do not name the tool',
    why: 'The log shows that something happened, but not what.',
    narrow: 'Write the tool name into each record of a call.',
  },
  AUDIT_WITHOUT_ARGUMENTS: {
    item: 5,
    severity: 'error',
    title: 'Audit records do not contain the arguments',
    why: 'The log shows which tool was used, but not on what.',
    narrow: 'Record the arguments, and pseudonymize personal data with a keyed hash.',
  },
  AUDIT_WITHOUT_RESULT: {
    item: 5,
    severity: 'error',
    title: 'Audit records do not contain the outcome',
    why: 'Nobody can find out later what was disclosed or changed.',
    narrow: 'Record the full result or the error of each call.',
  },
  AUDIT_WITHOUT_CALLER: {
    item: 5,
    severity: 'error',
    title: 'Audit records do not name the caller',
    why: 'Actions cannot be attributed, and a compromised account cannot be identified.',
    narrow: 'Record the operating system user, or the subject and client of the token.',
  },
  AUDIT_WITHOUT_TRACE: {
    item: 5,
    severity: 'error',
    title: 'Audit records have no trace id',
    why: 'A record cannot be linked to the conversation that caused it or to the backend’s logs.',
    narrow: 'Take traceparent from _meta or the header, or create one. Record it, and pass it to the backend.',
  },
  AUDIT_SECRET_IN_CLEAR: {
    item: 5,
    severity: 'error',
    title: 'Audit log contains a credential',
    why: 'Anyone who can read the log can act as the server.',
    narrow: 'Record declared fields only. Never record headers, settings or library errors unfiltered.',
  },
  AUDIT_CLEAR_ARGUMENTS: {
    item: 5,
    severity: 'note',
    title: 'Audit log contains arguments in clear text',
    why: 'The log stores what users write to the model, including personal data, for its whole retention time.',
    narrow: 'Declare which fields may be stored in clear text, and pseudonymize the others with a keyed hash.',
  },
} as const satisfies Record<string, Kind>

/** Where each value is in a record: paths such as `caller.id`. The first path with a value counts. */
export interface AuditFields {
  readonly time: readonly string[]
  readonly tool: readonly string[]
  readonly arguments: readonly string[]
  /** Any of these contains the outcome of a call. */
  readonly end: readonly string[]
  readonly caller: readonly string[]
  readonly trace: readonly string[]
}

const DEFAULT_FIELDS: AuditFields = {
  time: ['time', 'timestamp', 'ts', '@timestamp', 'at', 'date'],
  tool: ['tool', 'toolName', 'tool_name', 'name', 'params.name', 'method'],
  arguments: ['args', 'arguments', 'input', 'params.arguments', 'params'],
  end: ['result', 'error', 'output', 'response', 'outcome', 'status'],
  caller: ['caller.id', 'caller', 'user', 'actor', 'principal', 'subject', 'sub', 'client', 'userId', 'user_id'],
  trace: ['trace.traceId', 'traceId', 'trace_id', 'traceparent', 'trace', 'correlationId', 'requestId'],
}

export interface AuditOptions {
  readonly file: string
  readonly fields?: Partial<AuditFields> | undefined
  /** Secrets that must not occur in the log, with their names. */
  readonly secrets?: readonly (readonly [name: string, value: string])[]
}

/** Looks up each call that was sent in the server’s own audit log. */
export function auditFile({ file, fields, secrets = [] }: AuditOptions): EvidenceSource {
  return {
    items: [5],
    async judge(_surface, calls): Promise<Result> {
      const log = await readAuditLog(file, secrets).catch(unreadable)
      if (typeof log === 'string') return { findings: [{ code: 'AUDIT_UNREADABLE', message: log }], evidence: [] }
      const { records, found } = log
      if (records.length === 0 && calls.length > 0) {
        const message = 'it contains no line that is a JSON object'
        return { findings: [{ code: 'AUDIT_UNREADABLE', message }], evidence: [] }
      }
      const findings: Finding[] = [...found].map(name => ({
        code: 'AUDIT_SECRET_IN_CLEAR',
        message: `it contains the value of ${sanitize(name, 60)}`,
      }))
      return compare(records, calls, { ...DEFAULT_FIELDS, ...fields }, findings)
    },
  }
}

function unreadable(error: unknown): AuditLog | string {
  if (error instanceof UnreadableLogError) return error.message
  throw error
}

function compare(records: readonly JsonObject[], calls: readonly SentCall[], fields: AuditFields, findings: Finding[]) {
  const count = new Map<string, { calls: number; tools: Set<string> }>()
  const report = (code: string, call: SentCall): void => {
    const entry = count.get(code) ?? { calls: 0, tools: new Set() }
    entry.calls += 1
    entry.tools.add(sanitize(call.tool, 80))
    count.set(code, entry)
  }
  const byTrace = grouped(records, fields)
  const isTraced = calls.some(({ traceId }) => byTrace.has(traceId))
  const unparsed = unparsedCalls(records, calls, fields)
  let hasClearText = false
  let matched = 0
  for (const call of calls) {
    const own = isTraced ? (byTrace.get(call.traceId) ?? []) : recordsNear(records, call, fields)
    if (own.length === 0) {
      // The record of a call that was refused before it was parsed may lack its trace id and tool.
      const record = isTraced && call.refused ? unparsed.take(call) : undefined
      if (!record) {
        report(call.refused ? 'AUDIT_REFUSAL_MISSING' : 'AUDIT_CALL_MISSING', call)
        continue
      }
      matched += 1
      if (pick(record, fields.caller) === undefined) report('AUDIT_WITHOUT_CALLER', call)
      if (pick(record, fields.trace) === undefined) report('AUDIT_WITHOUT_TRACE', call)
      continue
    }
    matched += 1
    const has = (names: readonly string[]): boolean => own.some(record => pick(record, names) !== undefined)
    const ends = own.filter(record => isEnd(record, fields))
    if (!has(fields.time)) report('AUDIT_WITHOUT_TIME', call)
    if (!has(fields.tool)) report('AUDIT_WITHOUT_TOOL', call)
    if (call.args !== undefined && !own.some(record => holdsArguments(record, call, fields)))
      report('AUDIT_WITHOUT_ARGUMENTS', call)
    if (!has(fields.caller)) report('AUDIT_WITHOUT_CALLER', call)
    if (!isTraced) report('AUDIT_WITHOUT_TRACE', call)
    if (ends.length === 0) report('AUDIT_WITHOUT_RESULT', call)
    const requests = calls.filter(({ traceId }) => traceId === call.traceId).length
    if (isTraced && ends.length > requests) report('AUDIT_CALL_TWICE', call)
    if (isTraced && ends.length > 0 && ends.length < requests)
      report(call.refused ? 'AUDIT_REFUSAL_MISSING' : 'AUDIT_CALL_MISSING', call)
    hasClearText ||= own.some(record => isClear(pick(record, fields.arguments), call.args))
  }
  for (const [code, { calls: n, tools }] of count) {
    const names = [...tools].slice(0, 3)
    findings.push({ code, tool: names.join(', '), message: `${n} of ${calls.length} calls that preship sent` })
  }
  if (hasClearText)
    findings.push({
      code: 'AUDIT_CLEAR_ARGUMENTS',
      message: 'it contains a text argument that preship sent, unmodified',
    })
  const evidence: Evidence[] = []
  if (count.size === 0 && matched > 0) {
    const refused = calls.filter(each => each.refused).length
    const text = `all ${matched} calls that preship sent are on record, ${refused} of them refused, each with time, tool, arguments, outcome, caller and trace`
    evidence.push({ item: 5, text })
  }
  return { findings, evidence }
}

/** For an executed call, an empty arguments field does not count as recorded arguments. */
function holdsArguments(record: JsonObject, { args, refused }: SentCall, fields: AuditFields): boolean {
  const recorded = pick(record, fields.arguments)
  if (recorded === undefined) return false
  return refused || !isEmpty(recorded) || isEmpty(args)
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/**
 * Whether a record contains the outcome of a call. Records with a known `event` are judged by it; all others by the
 * outcome fields.
 */
function isEnd(record: JsonObject, fields: AuditFields): boolean {
  const { event, durationMs, result, error } = record
  if (event === 'intent') return false
  if (event === 'confirm') return durationMs !== undefined
  // These events always record a result or an error; without one, the outcome is missing.
  if (event === 'outcome' || event === 'denied') return result !== undefined || error !== undefined
  return pick(record, fields.end) !== undefined
}

function grouped(records: readonly JsonObject[], fields: AuditFields): Map<string, JsonObject[]> {
  const groups = new Map<string, JsonObject[]>()
  for (const record of records) {
    const id = traceOf(record, fields)
    if (id === undefined) continue
    const group = groups.get(id)
    if (group) group.push(record)
    else groups.set(id, [record])
  }
  return groups
}

/** The trace id: 32 hex digits, also within a traceparent. */
function traceOf(record: JsonObject, { trace }: AuditFields): string | undefined {
  return /[0-9a-f]{32}/.exec(String(pick(record, trace) ?? ''))?.[0]
}

/**
 * Records of messages that were refused before they were parsed. They have no trace id of a sent call, and no arguments
 * unless only another part of the message was malformed. Each stands for one call at about its time.
 */
function unparsedCalls(records: readonly JsonObject[], calls: readonly SentCall[], fields: AuditFields) {
  const traces = new Set(calls.map(({ traceId }) => traceId))
  const remaining = records.filter(record => isEnd(record, fields) && !traces.has(traceOf(record, fields) ?? ''))
  return {
    take({ at, until, tool, isMalformed = false }: SentCall): JsonObject | undefined {
      const index = remaining.findIndex(record => {
        const time = timeOf(record, fields)
        const named = pick(record, fields.tool)
        const isUnparsed = pick(record, fields.arguments) === undefined && (named === undefined || named === tool)
        return time >= at - 5 && time <= until + 1_000 && (isUnparsed || isMalformed)
      })
      return index === -1 ? undefined : remaining.splice(index, 1)[0]
    },
  }
}

function timeOf(record: JsonObject, { time }: AuditFields): number {
  const value = pick(record, time)
  if (typeof value === 'number') return value < 1e12 ? value * 1000 : value
  return Date.parse(String(value))
}

/** Without trace ids, matches records by tool, time and, if they are in clear text, arguments. */
function recordsNear(records: readonly JsonObject[], call: SentCall, fields: AuditFields): JsonObject[] {
  const sent = JSON.stringify(call.args)
  const sameTool = records.filter(record => pick(record, fields.tool) === call.tool)
  const sameArguments = sameTool.filter(record => JSON.stringify(pick(record, fields.arguments)) === sent)
  const candidates = sameArguments.length > 0 ? sameArguments : sameTool
  return candidates.filter(record => {
    const time = timeOf(record, fields)
    return Number.isNaN(time) || (time > call.at - 5_000 && time < call.until + 5_000)
  })
}

function pick(record: JsonObject, names: readonly string[]): unknown {
  for (const name of names) {
    const value = name.split('.').reduce<unknown>((at, key) => objectOf(at)[key], record)
    if (value !== undefined && value !== null && value !== '') return value
  }
  return undefined
}

function isClear(recorded: unknown, sent: unknown): boolean {
  if (!isObject(recorded) || !isObject(sent)) return false
  return Object.entries(sent).some(
    ([name, value]) => typeof value === 'string' && value.includes(' ') && recorded[name] === value,
  )
}
