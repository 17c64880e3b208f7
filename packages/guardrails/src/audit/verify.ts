import { isUtf8 } from 'node:buffer'
import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { isHeld, slotPath } from './file-slot.ts'
import { type Head, readHead } from './head-file.ts'
import type { AuditKey } from './key.ts'
import { GENESIS, parseRecord, splitMac } from './record.ts'

/** Something that is wrong with an audit file. */
export interface Finding {
  /** The file's name, without its folder. */
  readonly file: string
  /** Counted from 1; 0 for the whole file. */
  readonly line: number
  readonly kind: 'malformed' | 'torn' | 'unknown-key' | 'mac' | 'sequence' | 'chain' | 'truncated' | 'no-head'
  readonly message: string
}

export interface Verdict {
  readonly ok: boolean
  readonly files: readonly string[]
  readonly records: number
  readonly findings: readonly Finding[]
}

/**
 * Checks every chain of an audit file: the file itself and the numbered files beside it. It detects each changed byte,
 * and each record that was deleted, swapped, duplicated, inserted or cut off. It may run while a server is writing.
 *
 * @param options.keys every key that signed records of the file
 * @param options.headFile where the heads are stored; `<file>.head` by default
 */
export async function verifyAudit(
  file: string,
  options: { keys: readonly AuditKey[]; headFile?: string },
): Promise<Verdict> {
  const headBase = options.headFile ?? `${file}.head`
  const keys = new Map(options.keys.map(key => [key.kid, key]))
  const findings: Finding[] = []
  const files: string[] = []
  let records = 0
  // A head without its file means that the whole chain was deleted.
  const indexes = new Set([...slotsOf(file), ...slotsOf(headBase)])
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const path = slotPath(file, index)
    files.push(path)
    records += await verifyChain(path, slotPath(headBase, index), keys, findings)
  }
  if (files.length === 0)
    findings.push({ file: basename(file), line: 0, kind: 'truncated', message: 'there is no such audit file' })
  return { ok: findings.length === 0, files, records, findings }
}

/** The numbers of the slots that exist: 0 for the file itself. */
function slotsOf(file: string): number[] {
  if (!existsSync(dirname(file))) return []
  const name = basename(file)
  return readdirSync(dirname(file)).flatMap(entry => {
    if (entry === name) return [0]
    const suffix = entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : ''
    return /^[1-9]\d*$/.test(suffix) ? [Number(suffix)] : []
  })
}

async function verifyChain(
  path: string,
  headPath: string,
  keys: ReadonlyMap<string, AuditKey>,
  findings: Finding[],
): Promise<number> {
  const file = basename(path)
  const found = (line: number, kind: Finding['kind'], message: string): void => {
    findings.push({ file, line, kind, message })
  }
  // Read before the file. Records that are written in the meantime come after this head, so none seems to be missing.
  let head: Head | undefined
  try {
    head = readHead(headPath)
    if (!head) found(0, 'no-head', 'this file has no head, so records that were cut off its end cannot be detected')
  } catch {
    found(0, 'no-head', 'the head of this file is malformed')
  }
  if (!existsSync(path)) {
    found(0, 'truncated', `the head names record ${head?.seq ?? '?'}, but the file is gone`)
    return 0
  }

  const held = isHeld(path)
  let line = 0
  let last: Head = { seq: 0, mac: GENESIS }
  let atHead: string | undefined
  for await (const { bytes, ended } of linesOf(path)) {
    // A live writer may be in the middle of this record. It has not acknowledged it yet.
    if (!ended && held && last.seq >= (head?.seq ?? 0)) break
    line += 1
    // Decoding maps all invalid bytes to one replacement character, so it would hide a change. Records are valid UTF-8.
    const text = isUtf8(bytes) ? bytes.toString('utf8') : ''
    if (!ended) {
      found(line, 'torn', 'the last line is incomplete')
      break
    }
    const record = parseRecord(text)
    const parts = splitMac(text)
    if (!record || !parts) {
      found(line, 'malformed', 'not an audit record')
      continue
    }
    const key = keys.get(record.kid)
    if (!key) found(line, 'unknown-key', `record ${record.seq} was signed with key ${record.kid}, which was not given`)
    else if (!key.matches(parts.covered, parts.mac)) found(line, 'mac', `record ${record.seq} was altered`)
    if (record.seq !== last.seq + 1) found(line, 'sequence', `record ${record.seq} follows record ${last.seq}`)
    else if (record.prev !== last.mac) found(line, 'chain', `record ${record.seq} does not continue the previous one`)
    const gap = record.event === 'recovered' ? missingOf(record.result) : undefined
    if (gap) found(line, 'truncated', `records ${gap.from} to ${gap.to} were missing when the server was started`)
    last = { seq: record.seq, mac: parts.mac }
    if (record.seq === head?.seq) atHead = parts.mac
  }
  if (head && head.seq > 0 && atHead !== head.mac)
    found(line, 'truncated', `the head names record ${head.seq}, which is missing or was altered`)
  return line
}

function missingOf(result: unknown): { from: number; to: number } | undefined {
  const { missingFrom, missingTo } = (result ?? {}) as { missingFrom?: number; missingTo?: number }
  return missingFrom !== undefined && missingTo !== undefined ? { from: missingFrom, to: missingTo } : undefined
}

/** Splits at newlines only and keeps every byte. node:readline also splits at carriage returns. */
async function* linesOf(path: string): AsyncGenerator<{ bytes: Buffer; ended: boolean }> {
  let rest: Buffer[] = []
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      yield { bytes: Buffer.concat([...rest, chunk.subarray(start, end)]), ended: true }
      rest = []
      start = end + 1
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
  }
  if (rest.length > 0) yield { bytes: Buffer.concat(rest), ended: false }
}
