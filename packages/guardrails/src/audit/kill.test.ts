import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { recordsOf, start, tempFolder } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { openAuditLog } from './audit-log.ts'
import { parseAuditKey } from './key.ts'
import { verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/acknowledging-writer.ts', import.meta.url)
/** Long, because the machine may be busy. */
const TIMEOUT_MS = 300_000
const FILES = 4
const KILLS = trials('kills', { short: 12, full: 200 })
const key = parseAuditKey('a1'.repeat(32))

/** Runs a writer and kills it shortly after its first acknowledged record. Returns the ids that it acknowledged. */
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

it(`${verifies('P9')} a process that is killed at a random moment loses no acknowledged record ${KILLS.label}`, {
  timeout: TIMEOUT_MS,
}, async () => {
  const folder = tempFolder()
  const cache = join(folder, 'cache')
  // A run without records compiles the code once for all others.
  await start(WRITER, { args: [join(folder, 'warm-up.jsonl'), '', '0'], cache }).finish()
  const files = Array.from({ length: FILES }, (_, index) => join(folder, `${index}.jsonl`))
  const acknowledged = await Promise.all(
    files.map(async file => {
      const calls: string[] = []
      // Each run starts after a kill, and takes the same file.
      for (let run = 0; run < KILLS.count / FILES; run += 1) calls.push(...(await killedRun(file, String(run), cache)))
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
    expect(acknowledged[index]?.length).toBeGreaterThanOrEqual(KILLS.count / FILES)
    expect(acknowledged[index]?.filter(callId => !written.has(callId))).toEqual([])
    expect(records.filter(record => record.event === 'start')).toHaveLength(KILLS.count / FILES + 1)
    expect(await verifyAudit(file, { keys: [key] })).toMatchObject({ findings: [], files: [file] })
  }
})
