import { randomBytes } from 'node:crypto'
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createCallLedger, openAuditLog, parseAuditKey, type ToolPolicy } from '@narrow-deputies/guardrails/audit'
import { quantile } from './statistics.ts'

/** Medians, in microseconds. */
export interface AuditCost {
  /** Both records of a read. */
  readonly readUs: number
  /** Both records of a write, including the fdatasync of the first one. */
  readonly writeUs: number
  /** One fdatasync of a line of similar length in the same folder, measured in turns with the writes. */
  readonly fdatasyncUs: number
}

const ARGS = { customerId: 'cus_q7w2m5' }
const RESULT = {
  customerId: 'cus_q7w2m5',
  untrusted: { name: 'Ngozi Adeyemi-Whitaker', company: 'Halvorsen & Daughters' },
  email: 'ngozi.adeyemi@halvorsen.example',
  plan: 'business',
  since: '2024-03-18',
}

/** The policy of a typical tool: ids in clear text, personal data as pseudonyms. */
const isId = (value: unknown): boolean => typeof value === 'string' && value.startsWith('cus_')
const POLICY = {
  args: { customerId: isId },
  result: {
    customerId: isId,
    untrusted: { name: 'pseudonym', company: 'pseudonym' },
    email: 'pseudonym',
    plan: 'clear',
    since: 'clear',
  },
} as const satisfies Omit<ToolPolicy, 'effect'>

/** Measures the audit of one call without a server, from its arrival to its last record. */
export function auditCost(folder: string, { reads, writes }: { reads: number; writes: number }): AuditCost {
  const log = openAuditLog({
    file: join(folder, 'audit-cost.jsonl'),
    key: parseAuditKey(randomBytes(32).toString('hex')),
    server: 'crm-reader',
  })
  const policies: Record<string, ToolPolicy> = {
    read: { ...POLICY, effect: 'read' },
    write: { ...POLICY, effect: 'reversible' },
  }
  const ledger = createCallLedger({
    log,
    policyOf: name => policies[name],
    caller: { kind: 'os', id: '1000:someone', host: 'workstation' },
  })
  let id = 0
  const call = (name: string): number => {
    id += 1
    const startedAt = performance.now()
    ledger.arrive({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: ARGS } })
    const call = ledger.find(id)
    if (!call) throw new Error('the ledger has no record of the call')
    call.intent('none')
    call.outcome({ result: RESULT }, 'none')
    return (performance.now() - startedAt) * 1000
  }

  const line = Buffer.alloc(900, 0x61)
  const file = openSync(join(folder, 'fdatasync'), 'a')
  const sync = (): number => {
    writeSync(file, line)
    const startedAt = performance.now()
    fdatasyncSync(file)
    return (performance.now() - startedAt) * 1000
  }

  // Warms up, so that the code is optimized as in a server that has run for a while.
  for (let i = 0; i < reads; i += 1) call('read')
  const readUs = Array.from({ length: reads }, () => call('read'))
  const writeUs: number[] = []
  const fdatasyncUs: number[] = []
  for (let i = 0; i < writes; i += 1) {
    writeUs.push(call('write'))
    fdatasyncUs.push(sync())
  }
  closeSync(file)
  log.close()
  return { readUs: quantile(readUs, 0.5), writeUs: quantile(writeUs, 0.5), fdatasyncUs: quantile(fdatasyncUs, 0.5) }
}
