import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordsOf, start, tempFolder } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { openAuditLog } from './audit-log.ts'
import { formatHead } from './head-file.ts'
import { parseAuditKey } from './key.ts'
import type { AuditRecord } from './record.ts'
import { type Finding, type Verdict, verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/writer.ts', import.meta.url)
const KEY_HEX = 'a1'.repeat(32)
const OTHER_KEY_HEX = 'b2'.repeat(32)
const key = parseAuditKey(KEY_HEX)
const otherKey = parseAuditKey(OTHER_KEY_HEX)

interface Chain {
  readonly file: string
  readonly bytes: Buffer
  /** Each with its newline. */
  readonly lines: readonly Buffer[]
}

function chain(folder: string, name: string, records: number, under = key): Chain {
  const file = join(folder, name)
  const log = openAuditLog({ file, key: under, server: 'test' })
  for (let index = 2; index < records; index += 1)
    log.append({ event: 'outcome', callId: `${name}-${index}`, args: { text: `é 日本 𝄞 \ufffd ${index}` } })
  log.close()
  const bytes = readFileSync(file)
  return { file, bytes, lines: splitLines(bytes) }
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from) + 1
    lines.push(bytes.subarray(from, end))
    from = end
  }
  return lines
}

function verdictOn(file: string): Promise<Verdict> {
  return verifyAudit(file, { keys: [key] })
}

const kindsOf = (verdict: Verdict): Finding['kind'][] => verdict.findings.map(finding => finding.kind)

/** A line that continues `lines` up to `at`, forged by somebody who has another key. */
function forged(lines: readonly Buffer[], at: number, secret: string, kid: string): Buffer {
  const before = at === 0 ? undefined : JSON.parse(String(lines[at - 1]))
  const covered = JSON.stringify({
    ...JSON.parse(String(lines[Math.min(at, lines.length - 1)])),
    seq: (before?.seq ?? 0) + 1,
    kid,
    prev: before?.mac ?? '0'.repeat(64),
    mac: undefined,
  })
  const mac = createHmac('sha256', Buffer.from(secret, 'hex')).update(covered).digest('hex')
  return Buffer.from(`${covered.slice(0, -1)},"mac":"${mac}"}\n`)
}

const RECORDS = 9
const TAMPERED = trials('trials', { short: 60, full: 300 })
const WHILE_WRITING = trials('files', { short: 3, full: 10 })

/** Each returns a tampered copy of a chain, made with random numbers, or undefined if these would change nothing. */
type Tamper = (chain: Chain, foreign: Chain, numbers: readonly [number, number, number]) => Buffer | undefined

const TAMPERINGS: Record<string, Tamper> = {
  'one flipped bit, anywhere'({ bytes }, _, [at, bit]) {
    const copy = Buffer.from(bytes)
    copy.writeUInt8(copy.readUInt8(at % copy.length) ^ (1 << (bit % 8)), at % copy.length)
    return copy
  },
  'one flipped bit in the last line'({ bytes, lines }, _, [at, bit]) {
    const copy = Buffer.from(bytes)
    const place = copy.length - 1 - (at % (lines.at(-1)?.length ?? 1))
    copy.writeUInt8(copy.readUInt8(place) ^ (1 << (bit % 8)), place)
    return copy
  },
  'a flipped bit of a newline'({ bytes, lines }, _, [line, bit]) {
    const copy = Buffer.from(bytes)
    const place = Buffer.concat(lines.slice(0, 1 + (line % RECORDS))).length - 1
    copy.writeUInt8(copy.readUInt8(place) ^ (1 << (bit % 8)), place)
    return copy
  },
  'an inserted byte'({ bytes }, _, [at, byte]) {
    const place = at % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, place), Buffer.from([byte % 256]), bytes.subarray(place)])
  },
  'a removed byte'({ bytes }, _, [at]) {
    const place = at % bytes.length
    return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)])
  },
  'a deleted line'({ lines }, _, [line]) {
    return Buffer.concat(lines.filter((_line, index) => index !== line % RECORDS))
  },
  'two swapped lines'({ lines }, _, [one, two]) {
    const copy = [...lines]
    const [from, to] = [one % RECORDS, two % RECORDS]
    if (from === to) return undefined
    ;[copy[from], copy[to]] = [lines[to] ?? Buffer.alloc(0), lines[from] ?? Buffer.alloc(0)]
    return Buffer.concat(copy)
  },
  'a duplicated line'({ lines }, _, [line, at]) {
    return Buffer.concat(lines.toSpliced(at % (RECORDS + 1), 0, lines[line % RECORDS] ?? Buffer.alloc(0)))
  },
  'a line that is repeated at once'({ lines }, _, [line]) {
    return Buffer.concat(lines.toSpliced(line % RECORDS, 0, lines[line % RECORDS] ?? Buffer.alloc(0)))
  },
  'an inserted line that is forged with another key'({ lines }, _, [at]) {
    const place = at % (RECORDS + 1)
    return Buffer.concat(lines.toSpliced(place, 0, forged(lines, place, OTHER_KEY_HEX, otherKey.kid)))
  },
  'an inserted line that is forged with another key and names our key'({ lines }, _, [at]) {
    const place = at % (RECORDS + 1)
    return Buffer.concat(lines.toSpliced(place, 0, forged(lines, place, OTHER_KEY_HEX, key.kid)))
  },
  'a replaced line that is forged with another key'({ lines }, _, [at, name]) {
    const place = at % RECORDS
    return Buffer.concat(
      lines.toSpliced(place, 1, forged(lines, place, OTHER_KEY_HEX, [key, otherKey][name % 2]?.kid ?? '')),
    )
  },
  'an inserted line of another chain'({ lines }, foreign, [at, line]) {
    return Buffer.concat(lines.toSpliced(at % (RECORDS + 1), 0, foreign.lines[line % RECORDS] ?? Buffer.alloc(0)))
  },
  'an appended line of another chain with the next number'({ lines }, foreign) {
    return Buffer.concat([...lines, foreign.lines[RECORDS] ?? Buffer.alloc(0)])
  },
  'a line that is replaced by the line of another chain with the same number'({ lines }, foreign, [at]) {
    return Buffer.concat(lines.toSpliced(at % RECORDS, 1, foreign.lines[at % RECORDS] ?? Buffer.alloc(0)))
  },
  'an empty line'({ lines }, _, [at]) {
    return Buffer.concat(lines.toSpliced(at % (RECORDS + 1), 0, Buffer.from('\n')))
  },
  'an end cut off at a line'({ lines }, _, [at]) {
    return Buffer.concat(lines.slice(0, at % RECORDS))
  },
  'an end cut off within a line'({ bytes, lines }, _, [at]) {
    const place = at % bytes.length
    const isWhole = place === 0 || bytes[place - 1] === 10
    return isWhole ? bytes.subarray(0, place + (lines[0]?.length ?? 1) - 1) : bytes.subarray(0, place)
  },
  'a beginning cut off at a line'({ lines }, _, [count]) {
    return Buffer.concat(lines.slice(1 + (count % RECORDS)))
  },
  'a beginning cut off within a line'({ bytes }, _, [at]) {
    return bytes.subarray(1 + (at % (bytes.length - 1)))
  },
  'the end of another chain with the same key'({ lines }, foreign, [at, from]) {
    return Buffer.concat([...lines.slice(0, at % (RECORDS + 1)), ...foreign.lines.slice(from % RECORDS)])
  },
  'the end of another chain, joined where the numbers continue'({ lines }, foreign, [at]) {
    const place = at % (RECORDS + 1)
    return Buffer.concat([...lines.slice(0, place), ...foreign.lines.slice(place)])
  },
  'all of another chain'(_, foreign) {
    return foreign.bytes
  },
}

const numbers = fc.tuple(fc.nat(), fc.nat(), fc.nat())

describe('verifyAudit', () => {
  it(`${verifies('P10')} accepts an intact chain`, async () => {
    const folder = tempFolder()
    const { file } = chain(folder, 'audit.jsonl', RECORDS)
    expect(await verdictOn(file)).toEqual({ ok: true, files: [file], records: RECORDS, findings: [] })
  })

  it.each(Object.entries(TAMPERINGS))(`${verifies('P10')} detects %s ${TAMPERED.label}`, async (_, tamper) => {
    const folder = tempFolder()
    const original = chain(folder, 'audit.jsonl', RECORDS)
    const foreign = chain(folder, 'foreign.jsonl', RECORDS + 4)
    expect([original.lines.length, foreign.lines.length]).toEqual([RECORDS, RECORDS + 4])
    let tampered = 0
    await fc.assert(
      fc.asyncProperty(numbers, async given => {
        const changed = tamper(original, foreign, given)
        if (changed === undefined || changed.equals(original.bytes)) return
        tampered += 1
        writeFileSync(original.file, changed)
        const verdict = await verdictOn(original.file)
        expect(verdict.ok).toBe(false)
        expect(verdict.findings.length).toBeGreaterThan(0)
      }),
      { numRuns: TAMPERED.count },
    )
    expect(tampered).toBeGreaterThan(TAMPERED.count / 2)
    // The original file is accepted.
    writeFileSync(original.file, original.bytes)
    expect((await verdictOn(original.file)).ok).toBe(true)
  })

  it(`${verifies('P10')} detects a flipped bit at each byte of a short chain`, async () => {
    const folder = tempFolder()
    const { file, bytes } = chain(folder, 'audit.jsonl', 3)
    const missed: number[] = []
    for (let at = 0; at < bytes.length; at += 1) {
      const copy = Buffer.from(bytes)
      copy.writeUInt8(copy.readUInt8(at) ^ (1 << (at % 8)), at)
      writeFileSync(file, copy)
      if ((await verdictOn(file)).ok) missed.push(at)
    }
    expect(missed).toEqual([])
  })

  it(`${verifies('P10')} detects that the whole file is gone, or empty`, async () => {
    const folder = tempFolder()
    const { file } = chain(folder, 'audit.jsonl', RECORDS)
    writeFileSync(file, '')
    expect(kindsOf(await verdictOn(file))).toEqual(['truncated'])
    rmSync(file)
    expect(await verdictOn(file)).toMatchObject({ ok: false, records: 0, files: [file] })
    expect(kindsOf(await verdictOn(file))).toEqual(['truncated'])
    rmSync(`${file}.head`)
    expect(kindsOf(await verdictOn(file))).toEqual(['truncated'])
    expect(kindsOf(await verdictOn(join(folder, 'nowhere', 'audit.jsonl')))).toEqual(['truncated'])
  })

  it(`${verifies('P10')} detects bytes that decode to the same replacement character`, async () => {
    const folder = tempFolder()
    const { file, bytes } = chain(folder, 'audit.jsonl', RECORDS)
    const replacement = Buffer.from('\ufffd')
    const at = bytes.indexOf(replacement)
    expect(at).toBeGreaterThan(0)
    for (const broken of [[0xf0, 0xbf, 0xbd], [0xff], [0xef, 0xbf], [0xe0, 0x80]]) {
      const changed = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(broken),
        bytes.subarray(at + replacement.length),
      ])
      writeFileSync(file, changed)
      expect(kindsOf(await verdictOn(file))).toContain('malformed')
    }
    // This change is invisible in decoded text.
    const unseen = Buffer.concat([bytes.subarray(0, at), Buffer.from([0xf0, 0xbf, 0xbd]), bytes.subarray(at + 3)])
    expect(unseen.toString('utf8')).toBe(bytes.toString('utf8'))
  })

  it(`${verifies('P10')} detects the same JSON in a different spelling`, async () => {
    const folder = tempFolder()
    const { file, lines } = chain(folder, 'audit.jsonl', RECORDS)
    const text = String(lines[3])
    const rewritten = [
      text.replace('"seq":4', '"seq": 4'),
      text.replace('"seq":4', '"seq":4.0'),
      text.replace('"seq":4', '"seq":3,"seq":4'),
      text.replace('日', '\\u65e5'),
      text.replace('"event"', '"\\u0065vent"'),
      text.replace('\n', '\r\n'),
      text.replace('\n', ' \n'),
      ` ${text}`,
      `\ufeff${text}`,
      text.replace(/"mac":"([0-9a-f]+)"/, (_, mac: string) => `"mac":"${mac.toUpperCase()}"`),
    ]
    for (const line of rewritten) {
      expect(line).not.toBe(text)
      writeFileSync(file, Buffer.concat(lines.toSpliced(3, 1, Buffer.from(line))))
      expect((await verdictOn(file)).ok).toBe(false)
    }
  })

  it('reports what is wrong, and in which line', async () => {
    const folder = tempFolder()
    const { file, lines, bytes } = chain(folder, 'audit.jsonl', 5)
    const [one, two, three, four, five] = lines as [Buffer, Buffer, Buffer, Buffer, Buffer]
    const altered = Buffer.from(String(three).replace('outcome', 'OUTCOME'))
    const cases: readonly (readonly [Buffer[], (readonly [number, Finding['kind']])[]])[] = [
      [[one, two, altered, four, five], [[3, 'mac']]],
      [[one, two, four, five], [[3, 'sequence']]],
      [[one, two, three, four], [[4, 'truncated']]],
      [
        [one, two, three, four, five.subarray(0, 9)],
        [
          [5, 'torn'],
          [5, 'truncated'],
        ],
      ],
      [
        [one, two, Buffer.from('x\n'), four, five],
        [
          [3, 'malformed'],
          [4, 'sequence'],
        ],
      ],
      [[], [[0, 'truncated']]],
    ]
    for (const [content, expected] of cases) {
      writeFileSync(file, Buffer.concat(content))
      const { findings } = await verdictOn(file)
      expect(findings.map(({ line, kind }) => [line, kind])).toEqual(expected)
      for (const finding of findings)
        expect(finding).toMatchObject({ file: 'audit.jsonl', message: expect.any(String) })
    }
    writeFileSync(file, bytes)
    writeFileSync(`${file}.head`, 'not a head')
    expect(kindsOf(await verdictOn(file))).toEqual(['no-head'])
    writeFileSync(`${file}.head`, '')
    expect(kindsOf(await verdictOn(file))).toEqual(['no-head'])
    rmSync(`${file}.head`)
    expect(kindsOf(await verdictOn(file))).toEqual(['no-head'])
  })

  it(`${verifies('P10')} detects a flipped bit anywhere in the head`, async () => {
    const folder = tempFolder()
    const { file } = chain(folder, 'audit.jsonl', RECORDS)
    const head = readFileSync(`${file}.head`)
    const missed: string[] = []
    for (let at = 0; at < head.length; at += 1)
      for (let bit = 0; bit < 8; bit += 1) {
        const copy = Buffer.from(head)
        copy.writeUInt8(copy.readUInt8(at) ^ (1 << bit), at)
        writeFileSync(`${file}.head`, copy)
        if ((await verdictOn(file)).ok) missed.push(`${at}:${bit}`)
      }
    expect(missed).toEqual([])
  })

  it(`${verifies('P10')} does not accept a head that names record 0`, async () => {
    const folder = tempFolder()
    const { file, lines } = chain(folder, 'audit.jsonl', RECORDS)
    writeFileSync(`${file}.head`, readFileSync(`${file}.head`, 'utf8').replace(/^\d+/, '0'.repeat(16)))
    writeFileSync(file, lines[0] ?? '')
    expect((await verdictOn(file)).ok).toBe(false)
  })

  it(`${verifies('P10')} checks a chain with two keys if it is given both`, async () => {
    const file = join(tempFolder(), 'audit.jsonl')
    for (const under of [key, otherKey, key]) openAuditLog({ file, key: under, server: 'test' }).close()
    expect(await verifyAudit(file, { keys: [key, otherKey] })).toMatchObject({ ok: true, records: 6 })
    expect(kindsOf(await verifyAudit(file, { keys: [key] }))).toEqual(['unknown-key', 'unknown-key'])
    expect(kindsOf(await verifyAudit(file, { keys: [] }))).toEqual(Array(6).fill('unknown-key'))
  })

  it(`${verifies('P10')} checks every file that several processes wrote`, async () => {
    const folder = tempFolder()
    const file = join(folder, 'audit.jsonl')
    const logs = [0, 1, 2].map(() => openAuditLog({ file, key, server: 'test' }))
    for (const log of logs) log.append({ event: 'intent' })
    for (const log of logs) log.close()
    expect(await verdictOn(file)).toEqual({
      ok: true,
      files: [file, `${file}.1`, `${file}.2`],
      records: 9,
      findings: [],
    })
    copyFileSync(file, `${file}.1`)
    expect(kindsOf(await verdictOn(file))).toEqual(['truncated'])
    rmSync(`${file}.1`)
    expect((await verdictOn(file)).findings).toMatchObject([{ file: 'audit.jsonl.1', kind: 'truncated' }])
  })

  describe('of a file whose last line is incomplete', () => {
    const incomplete = (cut: (line: string) => string, headOf: number) => {
      const folder = tempFolder()
      const { file, lines } = chain(folder, 'audit.jsonl', 5)
      const head = JSON.parse(String(lines[headOf - 1])) as AuditRecord
      writeFileSync(`${file}.head`, formatHead(head))
      writeFileSync(file, Buffer.concat([...lines.slice(0, 4), Buffer.from(cut(String(lines[4])))]))
      return file
    }
    const withoutNewline = (line: string): string => line.slice(0, -1)
    const hold = (file: string, pid: number): void =>
      writeFileSync(`${file}.lock`, JSON.stringify({ host: hostname(), pid, started: '' }))

    it('accepts it while a live process holds the file', async () => {
      for (const cut of [withoutNewline, (line: string) => line.slice(0, 9)]) {
        const file = incomplete(cut, 4)
        hold(file, process.ppid)
        expect(await verdictOn(file)).toEqual({ ok: true, files: [file], records: 4, findings: [] })
      }
    })

    it(`${verifies('P10')} reports it if no process holds the file, or a dead one`, async () => {
      const file = incomplete(withoutNewline, 4)
      expect(kindsOf(await verdictOn(file))).toEqual(['torn'])
      hold(file, spawnSync(process.execPath, ['--version']).pid)
      expect(kindsOf(await verdictOn(file))).toEqual(['torn'])
    })

    it(`${verifies('P10')} reports it if the head names the incomplete record`, async () => {
      const file = incomplete(withoutNewline, 5)
      hold(file, process.ppid)
      expect(kindsOf(await verdictOn(file))).toEqual(['torn', 'truncated'])
    })
  })

  it(`${verifies('P10')} reads the heads from the file that is given for them`, async () => {
    const folder = tempFolder()
    const { file } = chain(folder, 'audit.jsonl', 3)
    const headFile = join(folder, 'elsewhere')
    renameSync(`${file}.head`, headFile)
    expect((await verifyAudit(file, { keys: [key], headFile })).findings).toEqual([])
    expect(kindsOf(await verdictOn(file))).toEqual(['no-head'])
    rmSync(file)
    expect(kindsOf(await verifyAudit(file, { keys: [key], headFile }))).toEqual(['truncated'])
  })

  it(`${verifies('P10')} accepts records that were written after the head was read`, async () => {
    const { file, lines } = chain(tempFolder(), 'audit.jsonl', 5)
    writeFileSync(`${file}.head`, formatHead(JSON.parse(String(lines[2])) as AuditRecord))
    expect((await verdictOn(file)).findings).toEqual([])
  })

  it(`${verifies('P10')} detects a record with the number of the head but another MAC`, async () => {
    const { file, lines } = chain(tempFolder(), 'audit.jsonl', 5)
    writeFileSync(`${file}.head`, formatHead({ ...(JSON.parse(String(lines[4])) as AuditRecord), mac: '0'.repeat(64) }))
    expect(kindsOf(await verdictOn(file))).toEqual(['truncated'])
  })

  it(`${verifies('P10')} reports missing records from a recovered record only`, async () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const log = openAuditLog({ file, key, server: 'test' })
    const result = { missingFrom: 3, missingTo: 7 }
    log.append({ event: 'outcome', result })
    log.append({ event: 'recovered', result: { missingFrom: 3 } })
    log.append({ event: 'recovered' })
    log.append({ event: 'recovered', result })
    log.close()
    expect((await verdictOn(file)).findings).toEqual([
      {
        file: 'audit.jsonl',
        line: 5,
        kind: 'truncated',
        message: 'records 3 to 7 were missing when the server was started',
      },
    ])
  })

  it('checks the files in the order of their numbers, and no other files beside them', async () => {
    const folder = tempFolder()
    const { file, bytes } = chain(folder, 'audit.jsonl', 3)
    const head = readFileSync(`${file}.head`)
    for (const number of [2, 10]) {
      writeFileSync(`${file}.${number}`, bytes)
      writeFileSync(`${file}.head.${number}`, head)
    }
    for (const name of ['0', '01', '1x', '-1', 'torn-7', 'lock', '']) writeFileSync(`${file}.${name}`, 'x')
    writeFileSync(join(folder, 'audit-jsonl.3'), 'x')
    expect(await verdictOn(file)).toEqual({
      ok: true,
      files: [file, `${file}.2`, `${file}.10`],
      records: 9,
      findings: [],
    })
  })

  it('reads lines that are longer than one chunk, and several lines of one chunk', async () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const log = openAuditLog({ file, key, server: 'test' })
    for (const length of [1, 200_000, 10, 65_536, 3]) log.append({ event: 'intent', args: { pad: 'x'.repeat(length) } })
    log.close()
    expect(await verdictOn(file)).toEqual({ ok: true, files: [file], records: 7, findings: [] })
  })

  it(`accepts a file while it is being written ${WHILE_WRITING.label}`, async () => {
    const folder = tempFolder()
    const writer = start(WRITER)
    await writer.line()
    const faults = new Set<Finding['kind']>()
    for (let round = 0; round < WHILE_WRITING.count; round += 1) {
      const file = join(folder, `${round}.jsonl`)
      await writer.ask(`open ${file}`)
      let isWritten = false
      // The record is so long that it is incomplete for a while.
      const written = writer.ask('large 8000000').then(() => {
        isWritten = true
      })
      while (!isWritten) for (const kind of kindsOf(await verdictOn(file))) faults.add(kind)
      await written
      expect(recordsOf(file)).toHaveLength(2)
    }
    expect([...faults]).toEqual([])
  })
})
