import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { recordsOf, start, tempFolder } from '../../test/support.ts'
import { openAuditLog } from './audit-log.ts'
import { parseAuditKey } from './key.ts'
import { verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/acknowledging-writer.ts', import.meta.url)
/** Long, as the machine may have much else to do. */
const PATIENCE_MS = 300_000
const RUNS = 200
const FILES = 4
const key = parseAuditKey('a1'.repeat(32))

/** Runs a writer and kills it a moment after its first acknowledged record. What it acknowledged. */
async function killedRun(file: string, run: string, cache: string): Promise<string[]> {
  const writer = start(WRITER, { args: [file, run], cache })
  const acknowledged = [await writer.line()]
  const killed = setTimeout(Math.random() * 30).then(() => writer.kill())
  while (true) {
    const next = await writer.line().catch(() => undefined)
    if (next === undefined) break
    acknowledged.push(next)
  }
  await killed
  return acknowledged
}

it(`${verifies('P9')} loses no acknowledged record in 200 processes that are killed at random moments`, {
  timeout: PATIENCE_MS,
}, async () => {
  const folder = tempFolder()
  const cache = join(folder, 'cache')
  // Code is compiled once, by a run that ends by itself.
  await start(WRITER, { args: [join(folder, 'warm-up.jsonl'), '', '0'], cache }).finish()
  const files = Array.from({ length: FILES }, (_, index) => join(folder, `${index}.jsonl`))
  const acknowledged = await Promise.all(
    files.map(async file => {
      const calls: string[] = []
      // Each run is also the next start after the kill before it, and takes the same file.
      for (let run = 0; run < RUNS / FILES; run += 1) calls.push(...(await killedRun(file, String(run), cache)))
      return calls
    }),
  )
  for (const [index, file] of files.entries()) {
    openAuditLog({ file, key, server: 'next' }).close()
    const records = recordsOf(file)
    const written = new Set<string>()
    for (const { callId } of records) {
      if (callId === undefined) continue
      expect(written.has(callId)).toBe(false)
      written.add(callId)
    }
    expect(acknowledged[index]?.filter(callId => !written.has(callId))).toEqual([])
    expect(records.filter(record => record.event === 'start')).toHaveLength(RUNS / FILES + 1)
    expect(await verifyAudit(file, { keys: [key] })).toMatchObject({ findings: [], files: [file] })
  }
})
