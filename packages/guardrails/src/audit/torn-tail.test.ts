import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { recordsOf, tempFolder } from '../../test/support.ts'
import { openAuditLog } from './audit-log.ts'
import { formatHead } from './head-file.ts'
import { parseAuditKey } from './key.ts'
import type { AuditRecord } from './record.ts'
import { type Verdict, verifyAudit } from './verify.ts'

const key = parseAuditKey('a1'.repeat(32))

interface Written {
  readonly bytes: Buffer
  readonly records: readonly AuditRecord[]
  /** Where the last line begins. */
  readonly lastAt: number
}

/** A chain whose last record has characters of up to four bytes. */
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
  /** What the start wrote. */
  readonly added: readonly AuditRecord[]
  readonly bytes: Buffer
  /** What was put aside, by name. */
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

describe('a start after a crash', () => {
  it.each([
    ['between the record and its head', -2],
    ['of the disk, which lost a record that its head names', -1],
  ])(`${verifies('P9', 'P10')} repairs a last record cut at any byte, after a crash %s`, async (_, headAt) => {
    const folder = tempFolder()
    const { bytes, records, lastAt } = written(folder)
    const head = records.at(headAt)
    const lost = records.at(-1)
    for (let end = lastAt; end < bytes.length; end += 1) {
      const { verdict, added, bytes: repaired, aside } = await restarted(folder, bytes.subarray(0, end), head)
      const cut = bytes.subarray(lastAt, end)
      const onlyNewline = end === bytes.length - 1
      const isMissing = headAt === -1 && !onlyNewline

      // The bytes that were cut, all of them and nothing else, are kept; what stood before them stands.
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

  it(`${verifies('P9')} repairs a torn record that is longer than what is read at once`, async () => {
    const folder = tempFolder()
    const { bytes, records, lastAt } = written(folder, 'x'.repeat(300_000))
    for (const end of [lastAt + 1, lastAt + 65_536, bytes.length - 2]) {
      const { verdict, aside } = await restarted(folder, bytes.subarray(0, end), records.at(-2))
      expect(verdict.findings).toEqual([])
      expect(Object.values(aside)).toEqual([bytes.subarray(lastAt, end)])
    }
    // The same record whole: the chain goes on from it, with or without its newline.
    for (const content of [bytes, bytes.subarray(0, -1)]) {
      const { verdict, aside } = await restarted(folder, content, records.at(-1))
      expect(verdict).toMatchObject({ ok: true, records: records.length + (content === bytes ? 2 : 3) })
      expect(aside).toEqual({})
    }
  })

  it.each([
    ['zeros, as a file system may leave', Buffer.alloc(5_000)],
    ['a page of zeros with line breaks', Buffer.concat([Buffer.alloc(100), Buffer.from('\n'), Buffer.alloc(100)])],
    ['broken UTF-8', Buffer.from([0xff, 0xfe, 0xf0, 0x9f])],
    ['another text', Buffer.from('hello\nworld\n')],
    ['empty lines', Buffer.from('\n\n\n')],
    ['JSON that is no record', Buffer.from('{"v":1,"seq":5}\n')],
  ])(`${verifies('P9')} puts %s aside`, async (_, junk) => {
    const folder = tempFolder()
    const { bytes, records } = written(folder)
    const { verdict, added, aside } = await restarted(folder, Buffer.concat([bytes, junk]), records.at(-1))
    expect(Object.values(aside)).toEqual([junk])
    expect(added[0]).toMatchObject({ event: 'recovered', result: { tornBytes: junk.length } })
    expect(verdict.findings).toEqual([])
  })

  it(`${verifies('P9')} begins a new chain in a file that holds no record`, async () => {
    const folder = tempFolder()
    for (const content of ['', 'x', 'not a log\n', '\n'.repeat(20_000)]) {
      const { verdict, added, aside } = await restarted(folder, Buffer.from(content), undefined)
      expect(Object.values(aside).map(String)).toEqual(content === '' ? [] : [content])
      expect(added[0]?.seq).toBe(1)
      expect(verdict.findings).toEqual([])
    }
  })

  it(`${verifies('P10')} does not make a forged last record without a newline whole`, async () => {
    const folder = tempFolder()
    const { bytes, records, lastAt } = written(folder)
    const forged = Buffer.from(bytes.subarray(0, -1))
    forged[forged.indexOf('intent', lastAt)] = 'I'.charCodeAt(0)
    const { verdict, aside } = await restarted(folder, forged, records.at(-1))
    expect(Object.values(aside)).toEqual([forged.subarray(lastAt)])
    expect(verdict.findings.map(finding => finding.kind)).toEqual(['truncated'])
  })

  it(`${verifies('P10')} cannot launder a chain that lost its end: verify says so ever after`, async () => {
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
