import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { SentCall } from '../probes/probe.ts'
import { isObject, type JsonObject, objectOf } from '../surface.ts'
import { type AuditLog, readAuditLog, UnreadableLogError } from './audit-log.ts'
import type { EvidenceSource } from './evidence-source.ts'

export const AUDIT_KINDS = {
  AUDIT_UNREADABLE: {
    item: 5,
    severity: 'error',
    title: 'the audit log cannot be read as one',
    why: 'What nobody can read proves nothing.',
    narrow: 'Write one JSON object a line to the file that is named.',
  },
  AUDIT_CALL_MISSING: {
    item: 5,
    severity: 'error',
    title: 'a call that was carried out is not on record',
    why: 'What was done in somebody’s name cannot be found again.',
    narrow: 'Write the record before the handler runs, and refuse the call if it cannot be written.',
  },
  AUDIT_REFUSAL_MISSING: {
    item: 5,
    severity: 'error',
    title: 'a call that was refused is not on record',
    why: 'An attack begins with calls that are refused: they are the ones that somebody should see.',
    narrow: 'Record at the transport, where calls that no handler ever sees come past as well.',
  },
  AUDIT_CALL_TWICE: {
    item: 5,
    severity: 'error',
    title: 'one call has more than one ending on record',
    why: 'What really happened is not known: was it done, or refused?',
    narrow: 'Decide how a call ended in one place, and record it there, once.',
  },
  AUDIT_WITHOUT_TIME: {
    item: 5,
    severity: 'error',
    title: 'records have no time',
    why: 'Nothing can be put in order with what other systems saw.',
    narrow: 'Write an ISO time with milliseconds into each record.',
  },
  AUDIT_WITHOUT_TOOL: {
    item: 5,
    severity: 'error',
    title: 'records do not name the tool',
    why: 'It is known that something happened, not what.',
    narrow: 'Write the name of the tool into each record of a call.',
  },
  AUDIT_WITHOUT_ARGUMENTS: {
    item: 5,
    severity: 'error',
    title: 'records lack the arguments',
    why: 'It is known which tool was used, not on what.',
    narrow: 'Record the arguments; personal ones as keyed pseudonyms.',
  },
  AUDIT_WITHOUT_RESULT: {
    item: 5,
    severity: 'error',
    title: 'records do not say how the call ended',
    why: 'What was given away, or changed, cannot be found out afterwards.',
    narrow: 'Record the whole result, or the error, of each call.',
  },
  AUDIT_WITHOUT_CALLER: {
    item: 5,
    severity: 'error',
    title: 'records do not name the caller',
    why: 'Nobody can be asked, and nobody can be locked out.',
    narrow: 'Record the user of the operating system, or subject and client of the token.',
  },
  AUDIT_WITHOUT_TRACE: {
    item: 5,
    severity: 'error',
    title: 'records carry no trace',
    why: 'A record cannot be joined with the conversation that it came from, nor with what the backend saw.',
    narrow: 'Take traceparent from _meta or the header, else make one; record it and pass it on.',
  },
  AUDIT_SECRET_IN_CLEAR: {
    item: 5,
    severity: 'error',
    title: 'the audit log holds a credential',
    why: 'Whoever may read the log may act as the server.',
    narrow: 'Write declared fields only; never headers, settings or errors of a library as they are.',
  },
  AUDIT_CLEAR_ARGUMENTS: {
    item: 5,
    severity: 'note',
    title: 'arguments are on record in clear',
    why: 'The log holds what people write to the model, personal data too, for as long as it is kept.',
    narrow: 'Declare which fields may stand in clear; write the others as keyed pseudonyms.',
  },
} as const satisfies Record<string, Kind>

/** Where in a record things stand: paths such as `caller.id`; the first that is there counts. */
export interface AuditFields {
  readonly time: readonly string[]
  readonly tool: readonly string[]
  readonly arguments: readonly string[]
  /** Any of these tells how a call ended. */
  readonly end: readonly string[]
  readonly caller: readonly string[]
  readonly trace: readonly string[]
}

const USUAL: AuditFields = {
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
  /** What may stand nowhere in it, by name. */
  readonly secrets?: readonly (readonly [name: string, value: string])[]
}

/** Looks for each call that was sent in the server's own audit log. */
export function auditFile({ file, fields, secrets = [] }: AuditOptions): EvidenceSource {
  return {
    items: [5],
    async judge(_surface, calls): Promise<Result> {
      const log = await readAuditLog(file, secrets).catch(unreadable)
      if (typeof log === 'string') return { findings: [{ code: 'AUDIT_UNREADABLE', message: log }], evidence: [] }
      const { records, holds } = log
      if (records.length === 0 && calls.length > 0) {
        const message = 'it holds no line that is a JSON object'
        return { findings: [{ code: 'AUDIT_UNREADABLE', message }], evidence: [] }
      }
      const findings: Finding[] = [...holds].map(name => ({
        code: 'AUDIT_SECRET_IN_CLEAR',
        message: `the value of ${plain(name, 60)} stands in it`,
      }))
      return compare(records, calls, { ...USUAL, ...fields }, findings)
    },
  }
}

function unreadable(error: unknown): AuditLog | string {
  if (error instanceof UnreadableLogError) return error.message
  throw error
}

function compare(records: readonly JsonObject[], calls: readonly SentCall[], fields: AuditFields, findings: Finding[]) {
  const count = new Map<string, { calls: number; tools: Set<string> }>()
  const found = (code: string, call: SentCall): void => {
    const entry = count.get(code) ?? { calls: 0, tools: new Set() }
    entry.calls += 1
    entry.tools.add(plain(call.tool, 80))
    count.set(code, entry)
  }
  const byTrace = grouped(records, fields)
  const isTraced = calls.some(({ traceId }) => byTrace.has(traceId))
  const unread = unreadIn(records, calls, fields)
  let clear = false
  let matched = 0
  for (const call of calls) {
    const own = isTraced ? (byTrace.get(call.traceId) ?? []) : near(records, call, fields)
    if (own.length === 0) {
      // What was refused before it was read can be on record without anything that stood in it.
      const record = isTraced && call.refused ? unread.take(call) : undefined
      if (!record) {
        found(call.refused ? 'AUDIT_REFUSAL_MISSING' : 'AUDIT_CALL_MISSING', call)
        continue
      }
      matched += 1
      if (pick(record, fields.caller) === undefined) found('AUDIT_WITHOUT_CALLER', call)
      if (pick(record, fields.trace) === undefined) found('AUDIT_WITHOUT_TRACE', call)
      continue
    }
    matched += 1
    const has = (names: readonly string[]): boolean => own.some(record => pick(record, names) !== undefined)
    const ends = own.filter(record => isEnd(record, fields))
    if (!has(fields.time)) found('AUDIT_WITHOUT_TIME', call)
    if (!has(fields.tool)) found('AUDIT_WITHOUT_TOOL', call)
    if (call.args !== undefined && !own.some(record => holdsArguments(record, call, fields)))
      found('AUDIT_WITHOUT_ARGUMENTS', call)
    if (!has(fields.caller)) found('AUDIT_WITHOUT_CALLER', call)
    if (!isTraced) found('AUDIT_WITHOUT_TRACE', call)
    if (ends.length === 0) found('AUDIT_WITHOUT_RESULT', call)
    const halves = calls.filter(({ traceId }) => traceId === call.traceId).length
    if (isTraced && ends.length > halves) found('AUDIT_CALL_TWICE', call)
    if (isTraced && ends.length > 0 && ends.length < halves)
      found(call.refused ? 'AUDIT_REFUSAL_MISSING' : 'AUDIT_CALL_MISSING', call)
    clear ||= own.some(record => isClear(pick(record, fields.arguments), call.args))
  }
  for (const [code, { calls: n, tools }] of count) {
    const names = [...tools].slice(0, 3)
    findings.push({ code, tool: names.join(', '), message: `${n} of ${calls.length} calls that were sent` })
  }
  if (clear) findings.push({ code: 'AUDIT_CLEAR_ARGUMENTS', message: 'a text that was sent stands in it as it is' })
  const evidence: Evidence[] = []
  if (count.size === 0 && matched > 0) {
    const refused = calls.filter(each => each.refused).length
    const text = `all ${matched} calls that were sent are on record, ${refused} refused ones among them, each with time, tool, arguments, ending, caller and trace`
    evidence.push({ item: 5, text })
  }
  return { findings, evidence }
}

/** Of a call that was carried out, arguments that are on record as none are not on record. */
function holdsArguments(record: JsonObject, { args, refused }: SentCall, fields: AuditFields): boolean {
  const recorded = pick(record, fields.arguments)
  if (recorded === undefined) return false
  return refused || !isEmpty(recorded) || isEmpty(args)
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** The record that ends a call: with `event` in it as ours have, the right ones; else each that tells an ending. */
function isEnd(record: JsonObject, fields: AuditFields): boolean {
  const { event, durationMs, result, error } = record
  if (event === 'intent') return false
  if (event === 'confirm') return durationMs !== undefined
  // Of ours, which say so beside it: what was it that ended?
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

/** In a traceparent, the trace stands between its version and its parent. */
function traceOf(record: JsonObject, { trace }: AuditFields): string | undefined {
  return /[0-9a-f]{32}/.exec(String(pick(record, trace) ?? ''))?.[0]
}

/**
 * Records of messages that were refused unread: without the trace that stood in them, and without arguments unless the
 * message was malformed elsewhere. Each stands for one call, at about its time.
 */
function unreadIn(records: readonly JsonObject[], calls: readonly SentCall[], fields: AuditFields) {
  const traces = new Set(calls.map(({ traceId }) => traceId))
  const left = records.filter(record => isEnd(record, fields) && !traces.has(traceOf(record, fields) ?? ''))
  return {
    take({ at, until, tool, isMalformed = false }: SentCall): JsonObject | undefined {
      const index = left.findIndex(record => {
        const time = timeOf(record, fields)
        const named = pick(record, fields.tool)
        const isUnread = pick(record, fields.arguments) === undefined && (named === undefined || named === tool)
        return time >= at - 5 && time <= until + 1_000 && (isUnread || isMalformed)
      })
      return index === -1 ? undefined : left.splice(index, 1)[0]
    },
  }
}

function timeOf(record: JsonObject, { time }: AuditFields): number {
  const value = pick(record, time)
  if (typeof value === 'number') return value < 1e12 ? value * 1000 : value
  return Date.parse(String(value))
}

/** Without a trace: by tool, time and, where they stand in clear, arguments. */
function near(records: readonly JsonObject[], call: SentCall, fields: AuditFields): JsonObject[] {
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
