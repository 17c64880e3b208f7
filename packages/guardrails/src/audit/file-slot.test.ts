import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Program, recordsOf, runs, start, tempFolder, thrownBy } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { openAuditLog } from './audit-log.ts'
import { claimSlot, isHeld } from './file-slot.ts'
import { parseAuditKey } from './key.ts'
import { verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/writer.ts', import.meta.url)
const key = parseAuditKey('a1'.repeat(32))

// Some tests replace a single call. All others reach the file system.
vi.mock(import('node:fs'), async importOriginal => {
  const fs = await importOriginal()
  return { ...fs, linkSync: vi.fn(fs.linkSync), writeFileSync: vi.fn(fs.writeFileSync) }
})

const { linkSync: realLinkSync } = await vi.importActual<typeof import('node:fs')>('node:fs')

const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code, syscall: 'a call' })
}

beforeEach(() => void vi.clearAllMocks())

async function writers(count: number, cache: string): Promise<Program[]> {
  // One run compiles the code for all others.
  if (count > 3) await start(WRITER, { cache }).finish()
  const programs = Array.from({ length: count }, () => start(WRITER, { cache }))
  for (const program of programs) await program.line()
  return programs
}

/** All programs open the file at the same time. Returns the paths that they got. */
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

const RACING = trials('processes', { short: 8, full: 20 })

describe('processes that are given the same audit file', () => {
  it.each([2, 3])(`${verifies('P9', 'P10')} get a file each if %i start at the same time`, async count => {
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
    // Each file has the records of one process.
    for (const slot of slots(file, count)) {
      expect(new Set(recordsOf(slot).map(record => record.instance)).size).toBe(1)
      expect(recordsOf(slot).map(record => record.seq)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1))
    }
    expect(locksIn(folder)).toEqual([])
  })

  it(`${verifies('P9', 'P10')} never share a file if they race for the one of a killed process ${RACING.label}`, async () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    const programs = await writers(RACING.count + 1, join(folder, 'cache'))
    const [first, ...racing] = programs
    expect(await first?.ask(`open ${file}`)).toBe(file)
    expect(await first?.ask('append before')).toBe('done')
    await first?.kill()
    const got = await openAll(racing, file)
    expect(new Set(got).size).toBe(RACING.count)
    expect(got).toContain(file)
    await writeAndFinish(racing)
    const verdict = await verifyAudit(file, { keys: [key] })
    expect(verdict).toMatchObject({ ok: true, records: RACING.count * 12 + 2 })
    expect([...verdict.files].sort()).toEqual(got.sort())
    expect(recordsOf(file).filter(record => record.event === 'start')).toHaveLength(2)
    expect(locksIn(folder)).toEqual([])
  })

  it(`${verifies('P9')} take over the file of a killed process, and continue its chain`, async () => {
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

  it('use a file again after it was closed', () => {
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
  /** Writes a lock and claims the file. Returns whether the lock was respected. */
  const isRespected = (lock: string): boolean => {
    const file = join(tempFolder(), 'audit.jsonl')
    writeFileSync(`${file}.lock`, lock)
    const slot = claimSlot(file)
    expect(readFileSync(`${file}.lock`, 'utf8') === lock).toBe(slot.index === 1)
    slot.release()
    return slot.index === 1
  }
  const deadPid = (): number => spawnSync(process.execPath, ['--version']).pid

  it('of this process, of a live one, of another host or with unknown content is respected', () => {
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

  it('of a dead process whose pid was reused is taken over', context => {
    context.skip(!existsSync('/proc/self/stat'), 'this system has no start time of a process')
    const host = hostname()
    expect(isRespected(JSON.stringify({ host, pid: process.pid, started: '1' }))).toBe(false)
    expect(isRespected(JSON.stringify({ host, pid: process.ppid, started: '1' }))).toBe(false)
  })

  it(`${verifies('P9', 'P10')} of a dead process leaves nothing else behind when it is taken over`, () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    writeFileSync(`${file}.lock`, JSON.stringify({ host: hostname(), pid: deadPid(), started: '1' }))
    const slot = claimSlot(file)
    expect(slot.path).toBe(file)
    expect(readdirSync(folder)).toEqual(['audit.jsonl.lock'])
    slot.release()
    expect(readdirSync(folder)).toEqual([])
  })

  it(`${verifies('P9', 'P10')} that another process takes over first is respected`, () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const live = JSON.stringify({ host: hostname(), pid: process.ppid, started: startOf(process.ppid) })
    writeFileSync(`${file}.lock`, JSON.stringify({ host: hostname(), pid: deadPid(), started: '1' }))
    vi.mocked(linkSync)
      .mockImplementationOnce(realLinkSync)
      .mockImplementationOnce((from, to) => {
        writeFileSync(`${file}.lock`, live)
        realLinkSync(from, to)
      })
    const slot = claimSlot(file)
    expect(slot.path).toBe(`${file}.1`)
    expect(readFileSync(`${file}.lock`, 'utf8')).toBe(live)
    expect(existsSync(`${file}.lock.breaking`)).toBe(false)
    slot.release()
  })

  it('that disappears while it is claimed counts as taken', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    vi.mocked(linkSync).mockImplementationOnce(failing('EEXIST'))
    const slot = claimSlot(file)
    expect(slot.path).toBe(`${file}.1`)
    slot.release()
  })

  it(`${verifies('P8')} that cannot be created for another reason is an error, and leaves nothing behind`, () => {
    const folder = tempFolder()
    vi.mocked(linkSync).mockImplementationOnce(failing('EPERM'))
    expect(thrownBy(() => claimSlot(join(folder, 'audit.jsonl')))).toMatchObject({ code: 'EPERM' })
    expect(readdirSync(folder)).toEqual([])
  })

  it('of a live process of another user is respected', () => {
    const kill = vi.spyOn(process, 'kill').mockImplementation(failing('EPERM'))
    expect(isRespected(JSON.stringify({ host: hostname(), pid: process.ppid, started: '1' }))).toBe(true)
    kill.mockRestore()
  })

  it('of a live process is respected without a second lock', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    writeFileSync(`${file}.lock`, JSON.stringify({ host: hostname(), pid: process.ppid, started: '' }))
    claimSlot(file).release()
    expect(linkSync).not.toHaveBeenCalledWith(expect.anything(), `${file}.lock.breaking`)
  })

  it('of a live process is respected, even if the name of its program has a parenthesis', async context => {
    context.skip(!existsSync('/proc/self/stat'), 'this system has no start time of a process')
    const program = join(tempFolder(), 'x) 1 2 3')
    copyFileSync('/bin/sleep', program)
    const child = spawn(program, ['60'])
    try {
      await once(child, 'spawn')
      const pid = child.pid ?? 0
      await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain('(x) 1 2 3)'))
      expect(isRespected(JSON.stringify({ host: hostname(), pid, started: startOf(pid) }))).toBe(true)
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('is written completely before it gets its name, for its owner only', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const slot = claimSlot(file)
    expect(vi.mocked(writeFileSync).mock.calls.map(([path]) => path)).toEqual([`${file}.lock.${process.pid}`])
    expect(vi.mocked(linkSync).mock.calls).toEqual([[`${file}.lock.${process.pid}`, `${file}.lock`]])
    expect(statSync(`${file}.lock`).mode & 0o777).toBe(0o600)
    slot.release()
  })

  it('shows whether a file is held', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    expect(isHeld(file)).toBe(false)
    const slot = claimSlot(file)
    expect(isHeld(file)).toBe(true)
    slot.release()
    expect(isHeld(file)).toBe(false)
    writeFileSync(`${file}.lock`, JSON.stringify({ host: hostname(), pid: deadPid(), started: '1' }))
    expect(isHeld(file)).toBe(false)
    unlinkSync(`${file}.lock`)
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

  it('is not created for a pipe or a device', () => {
    const folder = tempFolder()
    const pipe = join(folder, 'pipe')
    expect(runs('mkfifo', pipe)).toBe(true)
    const slot = claimSlot(pipe)
    expect(slot).toMatchObject({ index: 0, path: pipe })
    expect(readdirSync(folder)).toEqual(['pipe'])
    slot.release()
    expect(readdirSync(folder)).toEqual(['pipe'])
  })

  it('is available to 256 processes, and no more', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    for (const slot of slots(file, 255)) writeFileSync(`${slot}.lock`, 'of another process')
    const last = claimSlot(file)
    expect(last.path).toBe(`${file}.255`)
    expect(() => claimSlot(file)).toThrow(`256 processes already write to ${file}`)
    last.release()
    expect(claimSlot(file).path).toBe(`${file}.255`)
  })
})
