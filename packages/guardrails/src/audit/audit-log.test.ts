import { createHmac } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { linesOf, recordsOf, start, tempFolder, thrownBy } from '../../test/support.ts'
import { type AuditLog, AuditUnavailableError, openAuditLog } from './audit-log.ts'
import { formatHead, type Head, readHead } from './head-file.ts'
import { parseAuditKey } from './key.ts'
import type { Entry } from './record.ts'
import { verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/writer.ts', import.meta.url)
const RAW_KEY = Buffer.from('a1'.repeat(32), 'hex')
const key = parseAuditKey(RAW_KEY.toString('hex'))

/** Whether writes fail, as they do on a full disk. */
const disk = vi.hoisted(() => ({ isFull: false }))

vi.mock(import('node:fs'), async importOriginal => {
  const fs = await importOriginal()
  const write = (...args: Parameters<typeof fs.writeSync>): number => {
    if (disk.isFull) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    return fs.writeSync(...args)
  }
  return {
    ...fs,
    closeSync: vi.fn(fs.closeSync),
    fdatasyncSync: vi.fn(fs.fdatasyncSync),
    writeSync: vi.fn(write) as unknown as typeof fs.writeSync,
  }
})

beforeEach(() => {
  disk.isFull = false
  vi.clearAllMocks()
})

function openLog(file = join(tempFolder(), 'audit.jsonl'), faults: string[] = []): AuditLog {
  return openAuditLog({ file, key, server: 'test', onFault: fault => faults.push(fault.message) })
}

const FULL_ENTRY: Entry = {
  event: 'outcome',
  callId: 'c-1',
  tool: 'read_it',
  args: { text: 'quotes " and \\ and \n and é 日本 𝄞 \u2028', mac: '0'.repeat(64), list: [1, null, true] },
  result: { nested: { deep: ['x'] } },
  error: { code: 'X', message: ',"mac":"' },
  durationMs: 1.5,
  effect: 'read',
  confirmation: 'none',
  caller: { kind: 'os', id: 'me', host: 'here' },
  trace: { traceId: 'ab'.repeat(16), source: 'generated' },
}

describe('a record', () => {
  it(`${verifies('P10')} is a line of JSON with its fields in a fixed order and its MAC last`, () => {
    const log = openLog()
    log.append(FULL_ENTRY)
    log.close()
    const [first, full, stop] = recordsOf(log.path)
    const frame = { v: 1, server: 'test', instance: first?.instance, kid: key.kid }
    expect(Object.keys(first ?? {})).toEqual(['v', 'seq', 'time', 'event', 'server', 'instance', 'kid', 'prev', 'mac'])
    expect(first).toMatchObject({ ...frame, seq: 1, event: 'start' })
    expect(first?.instance).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(first?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(full).toMatchObject({ ...frame, seq: 2, ...FULL_ENTRY })
    expect(Object.keys(full ?? {})).toEqual([
      ...['v', 'seq', 'time', 'event', 'server', 'instance'],
      ...Object.keys(FULL_ENTRY).slice(1),
      ...['kid', 'prev', 'mac'],
    ])
    expect(stop).toMatchObject({ ...frame, seq: 3, event: 'stop' })
  })

  it(`${verifies('P10')} is numbered without a gap and contains the MAC of the previous one, also after a restart`, async () => {
    const file = join(tempFolder(), 'audit.jsonl')
    for (let run = 0; run < 3; run += 1) {
      const log = openLog(file)
      for (let index = 0; index < 5; index += 1) log.append({ event: 'intent', callId: `${run}-${index}` })
      log.close()
    }
    const records = recordsOf(file)
    expect(records.map(record => record.seq)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
    expect(records.map(record => record.prev)).toEqual(['0'.repeat(64), ...records.slice(0, -1).map(({ mac }) => mac)])
    expect(new Set(records.map(record => record.instance)).size).toBe(3)
    expect(await verifyAudit(file, { keys: [key] })).toEqual({ ok: true, files: [file], records: 21, findings: [] })
  })

  it(`${verifies('P10')} is signed with the raw key, over the whole line except the MAC`, () => {
    const log = openLog()
    log.append(FULL_ENTRY)
    log.close()
    for (const line of linesOf(log.path)) {
      const mac = /,"mac":"([0-9a-f]{64})"\}$/.exec(line)?.[1]
      const covered = line.replace(/,"mac":"[0-9a-f]{64}"\}$/, '}')
      expect(mac).toBe(createHmac('sha256', RAW_KEY).update(covered).digest('hex'))
    }
  })

  it('is readable by its owner only', () => {
    const log = openLog()
    log.close()
    expect(statSync(log.path).mode & 0o777).toBe(0o600)
    expect(statSync(log.headPath).mode & 0o777).toBe(0o600)
  })

  it(`${verifies('P10')} is followed by a head with its number and MAC`, () => {
    const log = openLog()
    for (let index = 0; index < 12; index += 1) {
      log.append({ event: 'intent' })
      const last = recordsOf(log.path).at(-1)
      expect(readHead(log.headPath)).toEqual({ seq: last?.seq, mac: last?.mac })
    }
    log.close()
    expect(readHead(log.headPath)?.seq).toBe(14)
  })

  it('has its head in the file that is given for it', async () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    const headFile = join(folder, 'elsewhere')
    const log = openAuditLog({ file, headFile, key, server: 'test' })
    log.close()
    expect(log.headPath).toBe(headFile)
    expect(readdirSync(folder).sort()).toEqual(['audit.jsonl', 'elsewhere'])
    expect((await verifyAudit(file, { keys: [key], headFile })).ok).toBe(true)
    expect((await verifyAudit(file, { keys: [key] })).ok).toBe(false)
  })

  it('has the time of the given clock', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const log = openAuditLog({ file, key, server: 'test', now: () => new Date(0) })
    log.close()
    expect(recordsOf(file).map(record => record.time)).toEqual(Array(2).fill('1970-01-01T00:00:00.000Z'))
  })
})

describe('a log', () => {
  /** The descriptors of the audit file and of the head, from the record that opening the log wrote. */
  const opened = () => {
    const log = openLog()
    const [file, head] = vi.mocked(writeSync).mock.calls.map(([fd]) => fd)
    vi.clearAllMocks()
    return { log, file, head }
  }

  it(`${verifies('P9')} flushes the audit file before a durable append returns`, () => {
    const { log, file } = opened()
    log.append({ event: 'intent' }, { durable: true })
    expect(vi.mocked(fdatasyncSync).mock.calls).toEqual([[file]])
    const written = vi.mocked(writeSync).mock.invocationCallOrder[0] ?? Infinity
    expect(vi.mocked(fdatasyncSync).mock.invocationCallOrder[0]).toBeGreaterThan(written)
  })

  it('does not flush other records', () => {
    const { log } = opened()
    log.append({ event: 'intent' })
    log.append({ event: 'intent' }, { durable: false })
    log.report({ event: 'outcome' })
    log.flush()
    expect(fdatasyncSync).not.toHaveBeenCalled()
  })

  it(`${verifies('P8')} refuses a durable append if it cannot be flushed`, () => {
    const { log } = opened()
    vi.mocked(fdatasyncSync).mockImplementationOnce(() => {
      throw Object.assign(new Error('EIO'), { code: 'EIO' })
    })
    const refused = thrownBy(() => log.append({ event: 'intent' }, { durable: true }))
    expect(refused).toBeInstanceOf(AuditUnavailableError)
    expect(refused.cause).toMatchObject({ code: 'EIO' })
  })

  it(`${verifies('P9')} flushes and closes the audit file and the head when it is closed`, () => {
    const { log, file, head } = opened()
    log.close()
    expect(vi.mocked(writeSync).mock.calls.map(([fd]) => fd)).toEqual([file, head])
    expect(vi.mocked(fdatasyncSync).mock.calls).toEqual([[file], [head]])
    const written = vi.mocked(writeSync).mock.invocationCallOrder[1] ?? Infinity
    expect(vi.mocked(fdatasyncSync).mock.invocationCallOrder[0]).toBeGreaterThan(written)
    const closed = vi.mocked(closeSync).mock.calls.map(([fd]) => fd)
    expect(closed.filter(fd => fd === file || fd === head).sort()).toEqual([file, head].sort())
  })

  it(`${verifies('P8', 'P10')} writes kept records once and in order after the disk was full, without a gap`, async () => {
    const faults: string[] = []
    const log = openLog(undefined, faults)
    for (let round = 0; round < 2; round += 1) {
      disk.isFull = true
      for (const callId of ['a', 'b'])
        expect(() => log.report({ event: 'outcome', callId: callId + round })).toThrow(AuditUnavailableError)
      expect(() => log.append({ event: 'intent', callId: 'refused' })).toThrow(AuditUnavailableError)
      disk.isFull = false
      log.append({ event: 'intent', callId: `c${round}` })
    }
    log.close()
    const records = recordsOf(log.path)
    const calls = ['a0', 'b0', 'c0', 'a1', 'b1', 'c1']
    expect(records.map(record => record.callId)).toEqual([undefined, ...calls, undefined])
    expect((await verifyAudit(log.path, { keys: [key] })).findings).toEqual([])
    const [full, free] = ['ENOSPC: no space left on device, write', 'audit records can be written again']
    expect(faults).toEqual([full, free, full, free])
  })

  it(`${verifies('P8')} that is opened on a full disk starts as soon as there is room`, () => {
    disk.isFull = true
    // The lock is written by another function of node:fs, so the log opens.
    const log = openLog()
    expect(() => log.append({ event: 'intent', callId: 'a' })).toThrow(AuditUnavailableError)
    disk.isFull = false
    log.append({ event: 'intent', callId: 'b' })
    expect(recordsOf(log.path).map(({ event, callId }) => [event, callId])).toEqual([
      ['start', undefined],
      ['intent', 'b'],
    ])
  })

  it('that is closed on a full disk closes its files and releases its lock', () => {
    const { log, file, head } = opened()
    disk.isFull = true
    log.close()
    const closed = vi.mocked(closeSync).mock.calls.map(([fd]) => fd)
    expect(closed.filter(fd => fd === file || fd === head).sort()).toEqual([file, head].sort())
    expect(existsSync(`${log.path}.lock`)).toBe(false)
  })

  it(`${verifies('P8')} keeps 10,000 records while the disk is full, and counts the others`, () => {
    const log = openLog()
    disk.isFull = true
    for (let index = 0; index < 10_001; index += 1)
      expect(() => log.report({ event: 'outcome', callId: String(index) })).toThrow(AuditUnavailableError)
    disk.isFull = false
    log.flush()
    log.append({ event: 'intent', callId: 'later' })
    log.close()
    const records = recordsOf(log.path)
    expect(records).toHaveLength(1 + 10_000 + 3)
    expect(records.at(10_000)?.callId).toBe('9999')
    expect(records.slice(-3)).toMatchObject([
      { event: 'recovered', result: { unrecorded: 1 } },
      { event: 'intent', callId: 'later' },
      { event: 'stop' },
    ])
  })
})

describe('a log that is opened after a crash', () => {
  const crashed = () => {
    const log = openLog()
    for (const callId of ['a', 'b']) log.append({ event: 'intent', callId })
    const lines = linesOf(log.path)
    log.close()
    const file = join(tempFolder(), 'audit.jsonl')
    const [start = '', a = '', b = ''] = lines
    const { seq, mac } = JSON.parse(b) as Head
    return { file, start, a, head: { seq, mac } }
  }

  it(`${verifies('P9')} records the torn part first, with its length and the name of its file`, () => {
    const { file, start } = crashed()
    writeFileSync(file, `${start}\ntorn`)
    openLog(file).close()
    const [keptAs] = readdirSync(join(file, '..')).filter(name => name.includes('.torn-'))
    const records = recordsOf(file)
    expect(records.map(({ seq, event }) => [seq, event])).toEqual([
      [1, 'start'],
      [2, 'recovered'],
      [3, 'start'],
      [4, 'stop'],
    ])
    expect(records[1]?.result).toEqual({ tornBytes: 4, keptAs })
  })

  it(`${verifies('P10')} records which records are missing, also beside a torn part`, () => {
    for (const torn of ['', 'torn']) {
      const { file, start, head } = crashed()
      writeFileSync(file, `${start}\n${torn}`)
      writeFileSync(`${file}.head`, formatHead(head))
      openLog(file).close()
      expect(recordsOf(file)[1]).toMatchObject({
        event: 'recovered',
        result: { missingFrom: 2, missingTo: 3, missingMac: head.mac, ...(torn && { tornBytes: 4 }) },
      })
    }
  })

  it(`${verifies('P10')} misses nothing if the head is older than the last record`, () => {
    const { file, start, a, head } = crashed()
    for (const seq of [1, 2]) {
      writeFileSync(file, `${start}\n${a}\n`)
      writeFileSync(`${file}.head`, formatHead({ ...head, seq }))
      openLog(file).close()
      expect(recordsOf(file).map(({ event }) => event)).toEqual(['start', 'intent', 'start', 'stop'])
    }
  })
})

describe('a log that cannot be written', () => {
  const hasFull = existsSync('/dev/full')

  it(`${verifies('P8')} refuses each record on a full device, and tells the operator once`, context => {
    context.skip(!hasFull, 'this system has no /dev/full')
    const faults: string[] = []
    // If the log wrongly writes a head for a device, it does not remain.
    onTestFinished(() => rmSync('/dev/full.head', { force: true }))
    const log = openLog('/dev/full', faults)
    for (let index = 0; index < 3; index += 1) {
      const refused = thrownBy(() => log.append({ event: 'intent', callId: 'a' }))
      expect(refused).toBeInstanceOf(AuditUnavailableError)
      expect(refused.message).toBe('the audit log cannot be written')
      expect(refused.cause).toMatchObject({ code: 'ENOSPC' })
      expect(() => log.append({ event: 'intent' }, { durable: true })).toThrow(AuditUnavailableError)
      expect(() => log.report({ event: 'outcome', callId: 'b' })).toThrow(AuditUnavailableError)
      expect(() => log.flush()).toThrow(AuditUnavailableError)
    }
    expect(() => log.close()).not.toThrow()
    expect(faults).toEqual(['ENOSPC: no space left on device, write'])
    expect(readdirSync('/dev').filter(name => name.startsWith('full'))).toEqual(['full'])
  })

  it(`${verifies('P8')} refuses records after its file was deleted`, () => {
    const faults: string[] = []
    const log = openLog(undefined, faults)
    unlinkSync(log.path)
    for (const durable of [false, true])
      expect(() => log.append({ event: 'intent' }, { durable })).toThrow(AuditUnavailableError)
    expect(faults).toEqual(['the audit file was removed while in use'])
    log.close()
  })

  it(`${verifies('P7', 'P8')} refuses reports after its file was deleted`, () => {
    const log = openLog()
    unlinkSync(log.path)
    expect.soft(() => log.report({ event: 'outcome', callId: 'a' })).toThrow(AuditUnavailableError)
    expect.soft(() => log.flush()).toThrow(AuditUnavailableError)
    log.close()
  })

  it(`${verifies('P8', 'P10')} reveals that its file was deleted, before and after the next start`, async () => {
    const log = openLog()
    log.append({ event: 'intent' })
    unlinkSync(log.path)
    log.close()
    expect((await verifyAudit(log.path, { keys: [key] })).findings.map(finding => finding.kind)).toEqual(['truncated'])
    openLog(log.path).close()
    const { findings, records } = await verifyAudit(log.path, { keys: [key] })
    expect(findings.map(finding => finding.kind)).toEqual(['truncated'])
    expect(records).toBe(3)
    expect(recordsOf(log.path)[0]).toMatchObject({ event: 'recovered', result: { missingFrom: 1 } })
  })

  it(`${verifies('P8')} is not opened if its folder is missing, its file is a folder or its head is malformed`, () => {
    const folder = tempFolder()
    expect(thrownBy(() => openLog(join(folder, 'nowhere', 'audit.jsonl')))).toMatchObject({ code: 'ENOENT' })
    const file = join(folder, 'audit.jsonl')
    writeFileSync(`${file}.head`, 'not a head\n')
    expect(thrownBy(() => openLog(file)).message).toBe(`not an audit head: ${file}.head`)
    mkdirSync(join(folder, 'other.jsonl.head'))
    expect(thrownBy(() => openLog(join(folder, 'other.jsonl')))).toMatchObject({ code: 'EISDIR' })
    // No lock is left behind.
    expect(readdirSync(folder).filter(name => name.includes('.lock'))).toEqual([])
    mkdirSync(join(folder, 'folder.jsonl'))
    expect(thrownBy(() => openLog(join(folder, 'folder.jsonl')))).toMatchObject({ code: 'EISDIR' })
  })

  it(`${verifies('P8')} is not opened without write permission for its folder and its file`, async () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    const writer = start(WRITER)
    await writer.line()
    await writer.ask('drop')
    chmodSync(folder, 0o555)
    expect(await writer.ask(`open ${file}`)).toMatch(/^Error: EACCES: permission denied, open '.*audit\.jsonl\.lock/)
    chmodSync(folder, 0o777)
    writeFileSync(file, '')
    chmodSync(file, 0o400)
    expect(await writer.ask(`open ${file}`)).toBe(`Error: EACCES: permission denied, open '${file}'`)
    expect(await writer.ask('append a')).toBe('Error: no log is open')
    expect(readdirSync(folder)).toEqual(['audit.jsonl'])
    chmodSync(file, 0o666)
    expect(await writer.ask(`open ${file}`)).toBe(file)
    expect(await writer.ask('close')).toBe('done')
  })

  it('can be closed twice', () => {
    const log = openLog()
    log.close()
    expect(() => log.close()).not.toThrow()
    expect(recordsOf(log.path).map(record => record.event)).toEqual(['start', 'stop'])
  })

  it(`${verifies('P8')} refuses records after it was closed, and writes them to no other file`, () => {
    const folder = tempFolder()
    const log = openLog(join(folder, 'audit.jsonl'))
    log.close()
    // The system reuses the descriptors of closed files.
    const others = ['a', 'b', 'c'].map(name => join(folder, name))
    const opened = others.map(other => openSync(other, 'w'))
    expect.soft(() => log.append({ event: 'intent' })).toThrow(AuditUnavailableError)
    expect.soft(() => log.report({ event: 'outcome' })).toThrow(AuditUnavailableError)
    expect(others.map(other => readFileSync(other, 'utf8'))).toEqual(['', '', ''])
    for (const fd of opened) closeSync(fd)
  })
})

describe('the head of a log', () => {
  it('is one line of a fixed length', () => {
    const log = openLog()
    const length = statSync(log.headPath).size
    for (let index = 0; index < 120; index += 1) log.append({ event: 'intent' })
    log.close()
    expect(statSync(log.headPath).size).toBe(length)
    expect(readFileSync(log.headPath, 'utf8')).toMatch(/^0000000000000122 [0-9a-f]{64}\n$/)
  })
})
