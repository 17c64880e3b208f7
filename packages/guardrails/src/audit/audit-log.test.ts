import { createHmac } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { linesOf, recordsOf, start, tempFolder, thrownBy } from '../../test/support.ts'
import { type AuditLog, AuditUnavailableError, openAuditLog } from './audit-log.ts'
import { readHead } from './head-file.ts'
import { parseAuditKey } from './key.ts'
import type { Entry } from './record.ts'
import { verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/writer.ts', import.meta.url)
const RAW_KEY = Buffer.from('a1'.repeat(32), 'hex')
const key = parseAuditKey(RAW_KEY.toString('hex'))

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
  it(`${verifies('P10')} is a line of JSON with its fields in one order and its MAC last`, () => {
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

  it(`${verifies('P10')} counts from 1 without a gap and holds the MAC of the one before, also after a restart`, async () => {
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

  it(`${verifies('P10')} is signed under the raw key with all of its line but the MAC itself`, () => {
    const log = openLog()
    log.append(FULL_ENTRY)
    log.close()
    for (const line of linesOf(log.path)) {
      const mac = /,"mac":"([0-9a-f]{64})"\}$/.exec(line)?.[1]
      const covered = line.replace(/,"mac":"[0-9a-f]{64}"\}$/, '}')
      expect(mac).toBe(createHmac('sha256', RAW_KEY).update(covered).digest('hex'))
    }
  })

  it('is read by its owner only', () => {
    const log = openLog()
    log.close()
    expect(statSync(log.path).mode & 0o777).toBe(0o600)
    expect(statSync(log.headPath).mode & 0o777).toBe(0o600)
  })

  it(`${verifies('P10')} is followed by a head of its number and MAC`, () => {
    const log = openLog()
    for (let index = 0; index < 12; index += 1) {
      log.append({ event: 'intent' })
      const last = recordsOf(log.path).at(-1)
      expect(readHead(log.headPath)).toEqual({ seq: last?.seq, mac: last?.mac })
    }
    log.close()
    expect(readHead(log.headPath)?.seq).toBe(14)
  })

  it('keeps its head where it is told to', async () => {
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

  it('takes its time from the given clock', () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const log = openAuditLog({ file, key, server: 'test', now: () => new Date(0) })
    log.close()
    expect(recordsOf(file).map(record => record.time)).toEqual(Array(2).fill('1970-01-01T00:00:00.000Z'))
  })
})

describe('a log that cannot be written', () => {
  const hasFull = existsSync('/dev/full')

  it(`${verifies('P8')} refuses each record on a full device, and keeps what has happened already`, context => {
    context.skip(!hasFull, 'this system has no /dev/full')
    const faults: string[] = []
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
    // Once for the operator, not once for each call.
    expect(faults).toEqual(['ENOSPC: no space left on device, write'])
    expect(readdirSync('/dev').filter(name => name.startsWith('full'))).toEqual(['full'])
  })

  it(`${verifies('P8')} refuses a record once its file is deleted`, () => {
    const faults: string[] = []
    const log = openLog(undefined, faults)
    unlinkSync(log.path)
    for (const durable of [false, true])
      expect(() => log.append({ event: 'intent' }, { durable })).toThrow(AuditUnavailableError)
    expect(faults).toEqual(['the audit file was removed while in use'])
    log.close()
  })

  it(`${verifies('P7', 'P8')} does not lose the end of a call to a deleted file`, () => {
    const log = openLog()
    unlinkSync(log.path)
    expect.soft(() => log.report({ event: 'outcome', callId: 'a' })).toThrow(AuditUnavailableError)
    expect.soft(() => log.flush()).toThrow(AuditUnavailableError)
    log.close()
  })

  it(`${verifies('P8', 'P10')} shows that its file was deleted, before and after the next start`, async () => {
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

  it(`${verifies('P8')} is not opened if its folder is missing, its file is a folder or its head is none`, () => {
    const folder = tempFolder()
    expect(thrownBy(() => openLog(join(folder, 'nowhere', 'audit.jsonl')))).toMatchObject({ code: 'ENOENT' })
    const file = join(folder, 'audit.jsonl')
    writeFileSync(`${file}.head`, 'not a head\n')
    expect(thrownBy(() => openLog(file)).message).toBe(`not an audit head: ${file}.head`)
    mkdirSync(join(folder, 'other.jsonl.head'))
    expect(thrownBy(() => openLog(join(folder, 'other.jsonl')))).toMatchObject({ code: 'EISDIR' })
    // What could not be opened is not held either.
    expect(readdirSync(folder).filter(name => name.includes('.lock'))).toEqual([])
    mkdirSync(join(folder, 'folder.jsonl'))
    expect(thrownBy(() => openLog(join(folder, 'folder.jsonl')))).toMatchObject({ code: 'EISDIR' })
  })

  it(`${verifies('P8')} is not opened without permission for its folder or its file`, async () => {
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

  it('may be closed twice', () => {
    const log = openLog()
    log.close()
    expect(() => log.close()).not.toThrow()
    expect(recordsOf(log.path).map(record => record.event)).toEqual(['start', 'stop'])
  })

  it(`${verifies('P8')} refuses records once it is closed, and writes them into no other file`, () => {
    const folder = tempFolder()
    const log = openLog(join(folder, 'audit.jsonl'))
    log.close()
    // The system gives the numbers of closed files to the next that are opened.
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

  it('may not have been written to yet, but is nothing other than a head', () => {
    const path = join(tempFolder(), 'head')
    expect(readHead(path)).toBeUndefined()
    writeFileSync(path, '')
    expect(readHead(path)).toBeUndefined()
    const mac = 'ab'.repeat(32)
    writeFileSync(path, `0000000000000007 ${mac}\n`)
    expect(readHead(path)).toEqual({ seq: 7, mac })
    for (const text of [
      'x',
      '\n',
      `7 ${mac}\n`,
      `0000000000000007 ${mac}`,
      `0000000000000007 ${mac}\n\n`,
      `-000000000000007 ${mac}\n`,
    ]) {
      writeFileSync(path, text)
      expect(thrownBy(() => readHead(path)).message).toBe(`not an audit head: ${path}`)
    }
  })
})
