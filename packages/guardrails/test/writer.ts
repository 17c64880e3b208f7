import { closeSync, copyFileSync, openSync, readdirSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type AuditLog, AuditUnavailableError, openAuditLog, parseAuditKey } from '../src/audit/index.ts'
import { dropPrivileges } from './unprivileged.ts'

// Writes an audit log. Each input line is a command, which is answered with one line.
const key = parseAuditKey('a1'.repeat(32))
let log: AuditLog | undefined
const faults: string[] = []

const opened = (): AuditLog => {
  if (!log) throw new Error('no log is open')
  return log
}

const commands: Record<string, (...words: string[]) => string | undefined> = {
  drop: () => void dropPrivileges(),
  open(file = '') {
    log = openAuditLog({ file, key, server: 'writer', onFault: fault => faults.push(fault.message) })
    return log.path
  },
  append: callId => void opened().append({ event: 'intent', callId: String(callId) }),
  large: size => void opened().append({ event: 'intent', args: { pad: 'x'.repeat(Number(size)) } }),
  report: callId => void opened().report({ event: 'outcome', callId: String(callId) }),
  flush: () => void opened().flush(),
  /** Reports many records. Answers how many were refused. */
  flood(count) {
    let refused = 0
    for (let index = 0; index < Number(count); index += 1) {
      try {
        opened().report({ event: 'outcome', callId: `flood-${index}` })
      } catch (error) {
        if (error instanceof AuditUnavailableError) refused += 1
      }
    }
    return String(refused)
  },
  close: () => void opened().close(),
  faults: () => faults.join('; '),
  /** Fills the disk of a file to the last byte. */
  fill(path = '') {
    const file = openSync(path, 'w')
    for (const size of [4096, 1]) {
      try {
        while (true) writeSync(file, Buffer.alloc(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
    closeSync(file)
    return undefined
  },
  put: path => void writeFileSync(String(path), 'x'),
  remove: path => void unlinkSync(String(path)),
  copy: (from, to) => void copyFileSync(String(from), String(to)),
  list: path => readdirSync(String(path)).sort().join(' '),
}

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', ...words] = line.split(' ')
  let answer: string
  try {
    answer = commands[command]?.(...words) ?? 'done'
  } catch (error) {
    answer = `${(error as Error).name}: ${(error as Error).message}`
  }
  process.stdout.write(`${answer}\n`)
}
