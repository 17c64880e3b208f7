import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { recordsOf, tempFolder, thrownBy } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { openAuditLog } from './audit-log.ts'
import { formatHead } from './head-file.ts'
import { parseAuditKey } from './key.ts'
import type { AuditRecord } from './record.ts'
import { repairTail } from './torn-tail.ts'
import { type Verdict, verifyAudit } from './verify.ts'

const key = parseAuditKey('a1'.repeat(32))

// Records calls of repairTail. All of them reach the file system.
vi.mock(import('node:fs'), async importOriginal => {
  const fs = await importOriginal()
  const { closeSync, fsyncSync, ftruncateSync, writeFileSync } = fs
  return {
    ...fs,
    closeSync: vi.fn(closeSync),
    fsyncSync: vi.fn(fsyncSync),
    ftruncateSync: vi.fn(ftruncateSync),
    writeFileSync: vi.fn(writeFileSync),
  }
})

interface Written {
  readonly bytes: Buffer
  readonly records: readonly AuditRecord[]
  /** The offset of the last line. */
  readonly lastAt: number
}

/** A chain whose last record contains characters of up to four bytes. */
function written(folder: string, pad = ''): Written {
  const file = join(folder, 'original.jsonl')
  const log = openAuditLog({ file, key, server: 'test' })
  log.append({ event: 'intent', callId: 'a' })
  log.append({ event: 'outcome', callId: 'a' })
  log.append({ event: 'intent', callId: 'b', args: { title: 'Zażółć 日本 𝄞 \ufffd', pad } })
  const bytes = readFileSync(file)
  const records = recordsOf(file)
  log.close()
  return { bytes, records, lastAt: bytes.lastIndexOf(10, bytes.length - 2) + 1 }
}

interface Restarted {
  readonly verdict: Verdict
  /** The records of the start. */
  readonly added: readonly AuditRecord[]
  readonly bytes: Buffer
  /** The contents of the files with torn parts, by name. */
  readonly aside: Readonly<Record<string, Buffer>>
}

let restarts = 0

async function restarted(folder: string, content: Buffer, head: AuditRecord | undefined): Promise<Restarted> {
  restarts += 1
  const name = `audit-${restarts}.jsonl`
  const file = join(folder, name)
  writeFileSync(file, content)
  if (head) writeFileSync(`${file}.head`, formatHead(head))
  openAuditLog({ file, key, server: 'test' }).close()
  const records = recordsOf(file)
  const instance = records.at(-1)?.instance
  const aside = readdirSync(folder).filter(entry => entry.startsWith(`${name}.torn-`))
  return {
    verdict: await verifyAudit(file, { keys: [key] }),
    added: records.filter(record => record.instance === instance),
    bytes: readFileSync(file),
    aside: Object.fromEntries(aside.map(entry => [entry, readFileSync(join(folder, entry))])),
  }
}

/** The bytes of the record that is cut, with its newline. */
const RECORD_BYTES = 600
/** In the full run, the record is cut at each of its bytes. */
const CUTS = trials('cuts', { short: 40, full: RECORD_BYTES })

describe('a start after a crash', () => {
  it.each([
    ['between the record and its head', -2],
    ['in which the disk lost a record that its head names', -1],
  ])(`${verifies('P9', 'P10')} %s repairs a cut last record ${CUTS.label}`, async (_, headAt) => {
    const folder = tempFolder()
    const unpadded = written(tempFolder())
    const pad = 'x'.repeat(RECORD_BYTES - (unpadded.bytes.length - unpadded.lastAt))
    const { bytes, records, lastAt } = written(folder, pad)
    expect(bytes.length - lastAt).toBe(RECORD_BYTES)
    const head = records.at(headAt)
    const lost = records.at(-1)
    for (let index = 0; index < CUTS.count; index += 1) {
      // Evenly spread, from the whole record missing to only its newline missing.
      const end = lastAt + Math.round((index * (RECORD_BYTES - 1)) / (CUTS.count - 1))
      const { verdict, added, bytes: repaired, aside } = await restarted(folder, bytes.subarray(0, end), head)
      const cut = bytes.subarray(lastAt, end)
      const onlyNewline = end === bytes.length - 1
      const isMissing = headAt === -1 && !onlyNewline

      // Exactly the torn part is kept in a file of its own, and nothing before it changes.
      const [asideName] = Object.keys(aside)
      expect(Object.values(aside)).toEqual(cut.length > 0 && !onlyNewline ? [cut] : [])
      const kept = onlyNewline ? bytes : bytes.subarray(0, lastAt)
      expect(repaired.subarray(0, kept.length).equals(kept)).toBe(true)

      const expected = {
        ...(cut.length > 0 && (onlyNewline ? { tornBytes: 0 } : { tornBytes: cut.length, keptAs: asideName })),
        ...(isMissing && { missingFrom: lost?.seq, missingTo: lost?.seq, missingMac: lost?.mac }),
      }
      const isClean = Object.keys(expected).length === 0
      expect(added.map(record => record.event)).toEqual([...(isClean ? [] : ['recovered']), 'start', 'stop'])
      if (!isClean) expect(added[0]?.result).toEqual(expected)
      expect(verdict.findings.map(finding => finding.kind)).toEqual(isMissing ? ['truncated'] : [])
    }
  })

  it(`${verifies('P9')} repairs a torn record that is longer than one read`, async () => {
    const folder = tempFolder()
    const { bytes, records, lastAt } = written(folder, 'x'.repeat(300_000))
    for (const end of [lastAt + 1, lastAt + 65_536, bytes.length - 2]) {
      const { verdict, aside } = await restarted(folder, bytes.subarray(0, end), records.at(-2))
      expect(verdict.findings).toEqual([])
      expect(Object.values(aside)).toEqual([bytes.subarray(lastAt, end)])
    }
    // If the record is complete, with or without its newline, the chain continues after it.
    for (const content of [bytes, bytes.subarray(0, -1)]) {
      const { verdict, aside } = await restarted(folder, content, records.at(-1))
      expect(verdict).toMatchObject({ ok: true, records: records.length + (content === bytes ? 2 : 3) })
      expect(aside).toEqual({})
    }
  })

  it.each([
    ['zeros, which some file systems leave', Buffer.alloc(5_000)],
    ['a page of zeros with line breaks', Buffer.concat([Buffer.alloc(100), Buffer.from('\n'), Buffer.alloc(100)])],
    ['invalid UTF-8', Buffer.from([0xff, 0xfe, 0xf0, 0x9f])],
    ['another text', Buffer.from('hello\nworld\n')],
    ['empty lines', Buffer.from('\n\n\n')],
    ['JSON that is not a record', Buffer.from('{"v":1,"seq":5}\n')],
  ])(`${verifies('P9')} moves %s to another file`, async (_, junk) => {
    const folder = tempFolder()
    const { bytes, records } = written(folder)
    const { verdict, added, aside } = await restarted(folder, Buffer.concat([bytes, junk]), records.at(-1))
    expect(Object.values(aside)).toEqual([junk])
    expect(added[0]).toMatchObject({ event: 'recovered', result: { tornBytes: junk.length } })
    expect(verdict.findings).toEqual([])
  })

  it(`${verifies('P9')} starts a new chain in a file without a record`, async () => {
    const folder = tempFolder()
    for (const content of ['', 'x', 'not a log\n', '\n'.repeat(20_000)]) {
      const { verdict, added, aside } = await restarted(folder, Buffer.from(content), undefined)
      expect(Object.values(aside).map(String)).toEqual(content === '' ? [] : [content])
      expect(added[0]?.seq).toBe(1)
      expect(verdict.findings).toEqual([])
    }
  })

  it(`${verifies('P10')} does not complete a forged last record that lacks its newline`, async () => {
    const folder = tempFolder()
    const { bytes, records, lastAt } = written(folder)
    const forged = Buffer.from(bytes.subarray(0, -1))
    forged[forged.indexOf('intent', lastAt)] = 'I'.charCodeAt(0)
    const { verdict, aside } = await restarted(folder, forged, records.at(-1))
    expect(Object.values(aside)).toEqual([forged.subarray(lastAt)])
    expect(verdict.findings.map(finding => finding.kind)).toEqual(['truncated'])
  })

  it(`${verifies('P10')} cannot hide that a chain lost its end: each later check reports it`, async () => {
    const folder = tempFolder()
    const { bytes, records } = written(folder)
    const firstLine = bytes.subarray(0, bytes.indexOf(10) + 1)
    const once = await restarted(folder, firstLine, records.at(-1))
    expect(once.verdict.findings.map(finding => finding.kind)).toEqual(['truncated'])
    expect(once.added[0]?.result).toEqual({
      missingFrom: 2,
      missingTo: records.length,
      missingMac: records.at(-1)?.mac,
    })
    const again = await restarted(folder, once.bytes, once.added.at(-1))
    expect(again.verdict.findings.map(finding => finding.kind)).toEqual(['truncated'])
    expect(again.added.map(record => record.event)).toEqual(['start', 'stop'])
  })
})

describe('repairTail', () => {
  const torn = (content = 'torn'): string => {
    const path = join(tempFolder(), 'audit.jsonl')
    writeFileSync(path, content)
    return path
  }

  it('returns the last record of an intact file, and changes nothing', () => {
    const folder = tempFolder()
    const { bytes, records } = written(folder)
    const path = join(folder, 'copy.jsonl')
    writeFileSync(path, bytes)
    expect(repairTail(path, key)).toEqual({ last: records.at(-1) })
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(readdirSync(folder).filter(name => name.includes('torn'))).toEqual([])
  })

  it('returns the last complete record if a torn part follows it', () => {
    const folder = tempFolder()
    const { bytes, records } = written(folder)
    const path = join(folder, 'copy.jsonl')
    writeFileSync(path, Buffer.concat([bytes, Buffer.from('torn')]))
    const { last, torn } = repairTail(path, key)
    expect(last).toEqual(records.at(-1))
    expect(torn).toEqual({ bytes: 4, keptAs: expect.stringMatching(/^copy\.jsonl\.torn-\d+$/) })
  })

  it('finds the last record of a long file', () => {
    const folder = tempFolder()
    const { bytes, records } = written(folder, 'x'.repeat(100_000))
    const path = join(folder, 'copy.jsonl')
    const log = openAuditLog({ file: join(folder, 'original.jsonl'), key, server: 'test' })
    log.append({ event: 'intent', callId: 'c' })
    const longer = readFileSync(log.path)
    log.close()
    expect(longer.length - bytes.length).toBeLessThan(64 * 1024)
    writeFileSync(path, Buffer.concat([longer, Buffer.from('torn')]))
    const { last, torn } = repairTail(path, key)
    expect([last?.callId, torn?.bytes]).toEqual(['c', 4])
    expect(readFileSync(path).equals(longer)).toBe(true)
    expect(records.at(-1)?.callId).toBe('b')
  })

  it(`${verifies('P9', 'P10')} does not take the end of a torn line for a record`, () => {
    const folder = tempFolder()
    // The record is exactly as long as the first read.
    const size = 64 * 1024
    const unpadded = written(tempFolder())
    const pad = 'x'.repeat(size - (unpadded.bytes.length - unpadded.lastAt))
    const { bytes, records, lastAt } = written(folder, pad)
    const record = bytes.subarray(lastAt)
    expect(record).toHaveLength(size)
    const path = join(folder, 'copy.jsonl')
    writeFileSync(path, Buffer.concat([bytes.subarray(0, lastAt), Buffer.from('torn'), record]))
    const { last, torn } = repairTail(path, key)
    expect(last).toEqual(records.at(-2))
    expect(torn?.bytes).toBe(size + 4)
  })

  it('has nothing to do for a missing file, an empty file and a device', () => {
    expect(repairTail(join(tempFolder(), 'nowhere'), key)).toEqual({})
    expect(repairTail(torn(''), key)).toEqual({})
    expect(repairTail('/dev/null', key)).toEqual({})
    expect(repairTail('/dev/zero', key)).toEqual({})
  })

  it(`${verifies('P8')} throws if the file exists but cannot be opened`, () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'folder'))
    symlinkSync('loop', join(folder, 'loop'))
    expect(thrownBy(() => repairTail(join(folder, 'folder'), key))).toMatchObject({ code: 'EISDIR' })
    expect(thrownBy(() => repairTail(join(folder, 'loop'), key))).toMatchObject({ code: 'ELOOP' })
  })

  it(`${verifies('P11')} lets only the owner read the torn part`, () => {
    const path = torn()
    const { torn: part } = repairTail(path, key)
    expect(statSync(join(path, '..', part?.keptAs ?? '')).mode & 0o777).toBe(0o600)
  })

  it(`${verifies('P9')} flushes the torn part to the disk before it cuts it off, and then the file`, () => {
    const path = torn()
    vi.clearAllMocks()
    repairTail(path, key)
    expect(writeFileSync).toHaveBeenCalledBefore(vi.mocked(ftruncateSync))
    expect(ftruncateSync).toHaveBeenCalledBefore(vi.mocked(fsyncSync))
    expect(vi.mocked(writeFileSync).mock.lastCall?.[2]).toMatchObject({ flush: true })
  })

  it(`${verifies('P9')} leaves the file as it is if the torn part cannot be kept`, () => {
    const path = torn()
    vi.spyOn(Date, 'now').mockReturnValue(7)
    writeFileSync(`${path}.torn-7`, 'of an earlier crash')
    expect(thrownBy(() => repairTail(path, key))).toMatchObject({ code: 'EEXIST' })
    vi.mocked(Date.now).mockRestore()
    expect(readFileSync(path, 'utf8')).toBe('torn')
    expect(readFileSync(`${path}.torn-7`, 'utf8')).toBe('of an earlier crash')
  })

  it('closes the file, whether or not it is repaired', () => {
    for (const path of [torn(), torn(''), '/dev/null']) {
      vi.mocked(closeSync).mockClear()
      repairTail(path, key)
      expect(closeSync).toHaveBeenCalledTimes(1)
    }
  })
})
