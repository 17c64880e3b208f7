import type { AuditRecord } from '@narrow-deputies/guardrails/audit'

const TERMINAL = ['outcome', 'denied', 'confirm']

const FIELDS: Record<AuditRecord['event'], readonly string[]> = {
  start: [],
  stop: [],
  rotate: [],
  recovered: ['result'],
  intent: ['callId', 'tool', 'effect', 'confirmation', 'caller', 'trace'],
  confirm: ['callId', 'tool', 'effect', 'confirmation', 'caller', 'trace'],
  outcome: ['callId', 'tool', 'effect', 'confirmation', 'caller', 'trace', 'durationMs'],
  // A message that is refused before it is parsed has no tool and no effect.
  denied: ['callId', 'confirmation', 'caller', 'trace', 'durationMs', 'error'],
}

/** Checks the records of one audit file. Returns a line for each fault. */
export function faultsOfAudit(records: readonly AuditRecord[], server: string): string[] {
  return [...records.flatMap(record => faultsOfRecord(record, server)), ...faultsOfCalls(records)]
}

export function isTerminal({ event, durationMs }: AuditRecord): boolean {
  return TERMINAL.includes(event) && durationMs !== undefined
}

function faultsOfRecord(record: AuditRecord, server: string): string[] {
  const { event, v, seq, time, instance, kid, prev, mac, caller, trace, durationMs, result, error } = record
  const fields = record as unknown as Record<string, unknown>
  const missing = (FIELDS[event] ?? []).filter(name => fields[name] === undefined)
  const wrong = Object.entries({
    event: event in FIELDS,
    v: v === 1,
    seq: Number.isSafeInteger(seq) && seq > 0,
    time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time),
    server: record.server === server,
    instance: /^[0-9a-f-]{36}$/.test(instance),
    kid: /^[0-9a-f]{8}$/.test(kid),
    prev: /^[0-9a-f]{64}$/.test(prev),
    mac: /^[0-9a-f]{64}$/.test(mac),
    caller: !caller || (caller.host !== '' && (caller.id !== '' || (caller.kind === 'oauth' && event === 'denied'))),
    trace: !trace || (/^[0-9a-f]{32}$/.test(trace.traceId) && ['claimed', 'generated'].includes(trace.source)),
    durationMs: durationMs === undefined || durationMs >= 0,
    'result or error': event !== 'outcome' || (result === undefined) !== (error === undefined),
  })
    .filter(([, right]) => !right)
    .map(([name]) => name)
  return [...missing.map(name => `lacks ${name}`), ...wrong.map(name => `has a wrong ${name}`)].map(
    fault => `record ${seq} (${event}) ${fault}`,
  )
}

/** Every call has exactly one last record, and an intent before its outcome. */
function faultsOfCalls(records: readonly AuditRecord[]): string[] {
  const calls = new Map<string, AuditRecord[]>()
  for (const record of records)
    if (record.callId !== undefined) calls.set(record.callId, [...(calls.get(record.callId) ?? []), record])
  return [...calls].flatMap(([callId, ofCall]) => {
    const events = ofCall.map(({ event }) => event)
    const ends = ofCall.filter(isTerminal).length
    const faults: string[] = []
    if (ends !== 1) faults.push(`has ${ends} terminal records`)
    if (events.includes('outcome') !== events.includes('intent')) faults.push('has an outcome or an intent alone')
    if (events.indexOf('intent') > events.indexOf('outcome')) faults.push('has its intent after its outcome')
    if (!ofCall.slice(-1).every(isTerminal)) faults.push('has records after its terminal record')
    return faults.map(fault => `call ${callId} (${events.join(', ')}) ${fault}`)
  })
}

/**
 * Compares a recorded result with the one that the caller received. Every field must be in the record, in clear text or
 * as a pseudonym.
 *
 * @param given the result that the caller received
 */
export function faultsOfResult(recorded: unknown, given: unknown, path = 'result'): string[] {
  if (typeof recorded === 'string' && /^hmac:[0-9a-f]{8}:[0-9a-f]{32}$/.test(recorded)) return []
  if (typeof given !== 'object' || given === null) return Object.is(recorded, given) ? [] : [`${path} differs`]
  if (typeof recorded !== 'object' || recorded === null) return [`${path} is missing`]
  const [there, expected] = [Object.keys(recorded).sort(), Object.keys(given).sort()]
  if (there.join() !== expected.join()) return [`${path} has ${there.join()} instead of ${expected.join()}`]
  return expected.flatMap(name =>
    faultsOfResult(
      (recorded as Record<string, unknown>)[name],
      (given as Record<string, unknown>)[name],
      `${path}.${name}`,
    ),
  )
}
