import { writeSync } from 'node:fs'
import { openAuditLog, parseAuditKey } from '../src/audit/index.ts'

// Appends up to `most` records until it is killed, and prints the id of each record that is acknowledged.
const [file = '', run = '', most = '2000'] = process.argv.slice(2)
const log = openAuditLog({ file, key: parseAuditKey('a1'.repeat(32)), server: 'writer' })
const parent = process.ppid

/** Most records are small. Some span many pages, so that a kill can leave one half written. */
const padOf = (index: number): string => 'x'.repeat(index % 24 === 5 ? 200_000 : index % 5 === 4 ? 9_000 : 20)

for (let index = 0; process.ppid === parent && index < Number(most); index += 1) {
  const callId = `${run}-${index}`
  log.append({ event: 'intent', callId, args: { pad: padOf(index) } }, { durable: index % 16 === 3 })
  writeSync(1, `${callId}\n`)
}
