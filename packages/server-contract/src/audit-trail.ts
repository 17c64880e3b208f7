import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
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

  /** Every whole line; one that is being written is not there yet. */
  records(): AuditRecord[] {
    return this.files().flatMap(file => {
      const text = readFileSync(file, 'utf8')
      return recordsOf(text.slice(0, text.lastIndexOf('\n') + 1))
    })
  }

  /** What gives, each time, the records that have come to the file itself since the time before. */
  follow(): () => AuditRecord[] {
    let end = statSync(this.file).size
    return () => {
      const file = openSync(this.file, 'r')
      try {
        const bytes = Buffer.alloc(fstatSync(file).size - end)
        readSync(file, bytes, 0, bytes.length, end)
        // A line is written whole, but may be read before it is.
        const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1)
        end += whole.length
        return recordsOf(whole.toString('utf8'))
      } finally {
        closeSync(file)
      }
    }
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

function recordsOf(text: string): AuditRecord[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as AuditRecord)
}
