import { type AuditLog, AuditUnavailableError } from '#guardrails/audit'

type Entry = Parameters<AuditLog['append']>[0]

/** An audit log that keeps its entries in memory and hides nothing. */
export interface MemoryAuditLog extends AuditLog {
  readonly entries: Entry[]
  /** While true, nothing can be written. */
  isFull: boolean
  isClosed: boolean
}

export function memoryAuditLog(): MemoryAuditLog {
  const append = (entry: Entry): void => {
    if (log.isFull) throw new AuditUnavailableError('the audit log cannot be written')
    log.entries.push(entry)
  }
  const log: MemoryAuditLog = {
    entries: [],
    isFull: false,
    isClosed: false,
    path: '/nowhere/audit.jsonl',
    headPath: '/nowhere/audit.jsonl.head',
    kid: 'test',
    append,
    report: append,
    flush() {
      if (log.isFull) throw new AuditUnavailableError('the audit log cannot be written')
    },
    redact: value => value,
    close() {
      log.isClosed = true
    },
  }
  return log
}
