import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Program, recordsOf, start, tempFolder } from '../../test/support.ts'
import { openAuditLog } from './audit-log.ts'
import { claimSlot } from './file-slot.ts'
import { parseAuditKey } from './key.ts'
import { verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/writer.ts', import.meta.url)
const key = parseAuditKey('a1'.repeat(32))

async function writers(count: number, cache: string): Promise<Program[]> {
  // The first one compiles for all.
  if (count > 3) await start(WRITER, { cache }).finish()
  const programs = Array.from({ length: count }, () => start(WRITER, { cache }))
  for (const program of programs) await program.line()
  return programs
}

/** Has all of them open the file at the same time: the files that they got. */
function openAll(programs: readonly Program[], file: string): Promise<string[]> {
  return Promise.all(programs.map(program => program.ask(`open ${file}`)))
}

async function writeAndFinish(programs: readonly Program[]): Promise<void> {
  const answers = programs.map(async (program, index) => {
    for (let call = 0; call < 10; call += 1) expect(await program.ask(`append ${index}-${call}`)).toBe('done')
    expect(await program.ask('close')).toBe('done')
    await program.finish()
  })
  await Promise.all(answers)
}

const slots = (file: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => (index === 0 ? file : `${file}.${index}`))

const locksIn = (folder: string): string[] => readdirSync(folder).filter(name => name.includes('.lock'))

describe('processes that are given the same audit file', () => {
  it.each([2, 3])(`${verifies('P9', 'P10')} get one each when %i start at the same time`, async count => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    const programs = await writers(count, join(folder, 'cache'))
    expect((await openAll(programs, file)).sort()).toEqual(slots(file, count))
    await writeAndFinish(programs)
    expect(await verifyAudit(file, { keys: [key] })).toMatchObject({
      ok: true,
      files: slots(file, count),
      records: count * 12,
    })
    // Each process's records are in one file.
    for (const slot of slots(file, count)) {
      expect(new Set(recordsOf(slot).map(record => record.instance)).size).toBe(1)
      expect(recordsOf(slot).map(record => record.seq)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1))
    }
    expect(locksIn(folder)).toEqual([])
  })

  it(`${verifies('P9', 'P10')} never share one when 20 race for that of a process that was killed`, async () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    const programs = await writers(21, join(folder, 'cache'))
    const [first, ...racing] = programs
    expect(await first?.ask(`open ${file}`)).toBe(file)
    expect(await first?.ask('append before')).toBe('done')
    await first?.kill()
    const got = await openAll(racing, file)
    expect(new Set(got).size).toBe(20)
    expect(got).toContain(file)
    await writeAndFinish(racing)
    const verdict = await verifyAudit(file, { keys: [key] })
    expect(verdict).toMatchObject({ ok: true, records: 20 * 12 + 2 })
    expect([...verdict.files].sort()).toEqual(got.sort())
    expect(recordsOf(file).filter(record => record.event === 'start')).toHaveLength(2)
    expect(locksIn(folder)).toEqual([])
  })

  it(`${verifies('P9')} take over the file of one that was killed, and go on with its chain`, async () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    for (let run = 0; run < 3; run += 1) {
      const [writer] = await writers(1, join(folder, 'cache'))
      expect(await writer?.ask(`open ${file}`)).toBe(file)
      expect(await writer?.ask(`append run-${run}`)).toBe('done')
      await writer?.kill()
    }
    expect(recordsOf(file).map(record => record.seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect((await verifyAudit(file, { keys: [key] })).ok).toBe(true)
  })

  it('use the file again once it was closed', () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    const [first, second] = [0, 1].map(() => openAuditLog({ file, key, server: 'test' }))
    expect([first?.path, second?.path]).toEqual([file, `${file}.1`])
    expect(second?.headPath).toBe(`${file}.head.1`)
    first?.close()
    const third = openAuditLog({ file, key, server: 'test' })
    expect(third.path).toBe(file)
    second?.close()
    third.close()
    expect(recordsOf(file).map(record => record.event)).toEqual(['start', 'stop', 'start', 'stop'])
    expect(locksIn(folder)).toEqual([])
  })
})

describe('a lock', () => {
  const startOf = (pid: number | 'self'): string => {
    const stat = existsSync('/proc/self/stat') ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ') '
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  }
  /** Puts a lock there, claims the file, and tells whether the lock was respected. */
  const isRespected = (lock: string): boolean => {
    const file = join(tempFolder(), 'audit.jsonl')
    writeFileSync(`${file}.lock`, lock)
    const slot = claimSlot(file)
    expect(readFileSync(`${file}.lock`, 'utf8') === lock).toBe(slot.index === 1)
    slot.release()
    return slot.index === 1
  }
  const deadPid = (): number => spawnSync(process.execPath, ['--version']).pid

  it('of this process, of a living one, of another host and of nobody known is respected', () => {
    const host = hostname()
    expect(isRespected(JSON.stringify({ host, pid: process.pid, started: startOf('self') }))).toBe(true)
    expect(isRespected(JSON.stringify({ host, pid: process.ppid, started: startOf(process.ppid) }))).toBe(true)
    expect(isRespected(JSON.stringify({ host, pid: process.ppid, started: '' }))).toBe(true)
    expect(isRespected(JSON.stringify({ host: `not-${host}`, pid: deadPid(), started: '1' }))).toBe(true)
    expect(isRespected(JSON.stringify({ host: `not-${host}`, pid: process.pid, started: '1' }))).toBe(true)
    for (const text of ['', 'x', '{}', 'null', '{"host":7}']) expect(isRespected(text)).toBe(true)
  })

  it('of a dead process is taken over', () => {
    const host = hostname()
    expect(isRespected(JSON.stringify({ host, pid: deadPid(), started: '1' }))).toBe(false)
    expect(isRespected(JSON.stringify({ host, pid: deadPid(), started: '' }))).toBe(false)
  })

  it('of a dead process whose number another one has now is taken over', context => {
    context.skip(!existsSync('/proc/self/stat'), 'this system does not tell when a process started')
    const host = hostname()
    expect(isRespected(JSON.stringify({ host, pid: process.pid, started: '1' }))).toBe(false)
    expect(isRespected(JSON.stringify({ host, pid: process.ppid, started: '1' }))).toBe(false)
  })

  it('that is being taken over by another process counts as taken', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const dead = JSON.stringify({ host: hostname(), pid: deadPid(), started: '1' })
    writeFileSync(`${file}.lock`, dead)
    writeFileSync(`${file}.lock.breaking`, 'of another process')
    const slot = claimSlot(file)
    expect(slot.path).toBe(`${file}.1`)
    slot.release()
    expect(readFileSync(`${file}.lock`, 'utf8')).toBe(dead)
    expect(readFileSync(`${file}.lock.breaking`, 'utf8')).toBe('of another process')
  })

  it('is removed by its own process only', () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    const slot = claimSlot(file)
    expect(locksIn(folder)).toEqual(['audit.jsonl.lock'])
    expect(JSON.parse(readFileSync(`${file}.lock`, 'utf8'))).toMatchObject({ host: hostname(), pid: process.pid })
    writeFileSync(`${file}.lock`, 'of another process')
    slot.release()
    expect(readFileSync(`${file}.lock`, 'utf8')).toBe('of another process')
  })

  it('is not made for a device', () => {
    const slot = claimSlot('/dev/null')
    expect(slot).toMatchObject({ index: 0, path: '/dev/null' })
    slot.release()
    expect(existsSync('/dev/null.lock')).toBe(false)
  })

  it('is there for 256 processes, and no more', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    for (const slot of slots(file, 255)) writeFileSync(`${slot}.lock`, 'of another process')
    const last = claimSlot(file)
    expect(last.path).toBe(`${file}.255`)
    expect(() => claimSlot(file)).toThrow(`256 processes already write ${file}`)
    last.release()
    expect(claimSlot(file).path).toBe(`${file}.255`)
  })
})
