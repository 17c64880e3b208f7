import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type AuditRecord, parseAuditKey, type Verdict, verifyAudit } from '@narrow-deputies/guardrails/audit'

/** The audit files of one server, as an operator reads them. */
export class AuditTrail {
  readonly file: string
  readonly key: string

  constructor(file: string, key: string) {
    this.file = file
    this.key = key
  }

  /** The whole set: the file itself and the numbered ones beside it. */
  files(): string[] {
    if (!existsSync(dirname(this.file))) return []
    const name = basename(this.file)
    return readdirSync(dirname(this.file))
      .filter(entry => entry === name || (entry.startsWith(`${name}.`) && /^\d+$/.test(entry.slice(name.length + 1))))
      .map(entry => join(dirname(this.file), entry))
  }

  text(): string {
    return this.files()
      .map(file => readFileSync(file, 'utf8'))
      .join('')
  }

  records(): AuditRecord[] {
    return this.text()
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as AuditRecord)
  }

  /** The record that a call ended with, by call: an `outcome`, a `denied`, or the `confirm` that ended it by asking. */
  terminals(): AuditRecord[] {
    return this.records().filter(
      ({ event, durationMs }) => ['outcome', 'denied', 'confirm'].includes(event) && durationMs !== undefined,
    )
  }

  async verify(): Promise<Verdict> {
    return await verifyAudit(this.file, { keys: [parseAuditKey(this.key)] })
  }
}
