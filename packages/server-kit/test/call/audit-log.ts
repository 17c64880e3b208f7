import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  type AuditLog,
  type AuditRecord,
  AuditUnavailableError,
  type Call,
  type Caller,
  createCallLedger,
  openAuditLog,
  parseAuditKey,
  type ToolPolicy,
} from '#guardrails/audit'

export const ANN: Caller = { kind: 'os', id: '1000:ann', host: 'desk' }

/**
 * A real audit log in a folder that is removed when the test is over.
 *
 * @param onRecord called with the event of each record once it is written
 */
export function openTestLog(onRecord: (event: string) => void = () => {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'audit-')))
  const file = join(folder, 'audit.jsonl')
  const real = openAuditLog({ file, key: parseAuditKey('ab'.repeat(32)), server: 'test' })
  onTestFinished(() => {
    real.close()
    rmSync(folder, { recursive: true })
  })
  /** Records of these events cannot be written. */
  const unwritable = new Set<string>()
  /** Recording these events fails in a way that nobody expects. */
  const failing = new Set<string>()
  const write = ({ event }: { event: string }, toDisk: () => void): void => {
    if (unwritable.has(event)) throw new AuditUnavailableError('full')
    if (failing.has(event)) throw new Error('the log is broken')
    toDisk()
    onRecord(event)
  }
  const log: AuditLog = {
    ...real,
    append: (entry, options) => write(entry, () => real.append(entry, options)),
    report: entry => write(entry, () => real.report(entry)),
  }
  return {
    log,
    unwritable,
    failing,
    /** The records of calls, oldest first. */
    records: (): AuditRecord[] =>
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as AuditRecord)
        .filter(({ callId }) => callId !== undefined),
  }
}

/** Opens the call of a tool as a ledger does when the message arrives. */
export function openTestCall(log: AuditLog, tool: { name: string; audit: ToolPolicy }, args: unknown): Call {
  const ledger = createCallLedger({ log, policyOf: () => tool.audit, caller: ANN })
  ledger.arrive({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool.name, arguments: args } })
  const call = ledger.find(1)
  if (!call) throw new Error('no call was opened')
  return call
}
