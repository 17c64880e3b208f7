import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type AuditRecord, parseAuditKey, type Verdict, verifyAudit } from '@narrow-deputies/guardrails/audit'

/** Reads the audit files of one server. */
export class AuditTrail {
  readonly file: string
  readonly key: string

  constructor(file: string, key: string) {
    this.file = file
    this.key = key
  }

  /** The file itself, and the numbered files of other processes beside it. */
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

  /** The records of all complete lines. */
  records(): AuditRecord[] {
    return this.files().flatMap(file => {
      const text = readFileSync(file, 'utf8')
      return recordsOf(text.slice(0, text.lastIndexOf('\n') + 1))
    })
  }

  /** Returns a function that returns the records that were added to the file since its last call. */
  follow(): () => AuditRecord[] {
    let end = statSync(this.file).size
    return () => {
      const file = openSync(this.file, 'r')
      try {
        const bytes = Buffer.alloc(fstatSync(file).size - end)
        readSync(file, bytes, 0, bytes.length, end)
        // The last line may be incomplete while the server writes it.
        const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1)
        end += whole.length
        return recordsOf(whole.toString('utf8'))
      } finally {
        closeSync(file)
      }
    }
  }

  /** The last record of each call: `outcome`, `denied`, or `confirm` if a confirmation request ended the call. */
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
