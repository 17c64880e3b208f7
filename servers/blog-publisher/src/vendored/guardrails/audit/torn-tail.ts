import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import type { AuditKey } from './key.ts'
import { type AuditRecord, parseRecord, splitMac } from './record.ts'

/** Where a chain can be continued, and what had to be put aside for it. */
export interface Tail {
  readonly last?: AuditRecord
  readonly torn?: { readonly bytes: number; readonly keptAs?: string }
}

/**
 * Brings a file that a crash may have left torn back to its last whole record. What comes after it is kept beside the
 * file (`<file>.torn-<time>`), never thrown away; a last record that is whole but for its newline gets its newline.
 */
export function repairTail(path: string, key: AuditKey): Tail {
  let fd: number
  try {
    fd = openSync(path, 'r+')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile() || stats.size === 0) return {}
    return repair(fd, stats.size, path, key)
  } finally {
    closeSync(fd)
  }
}

function repair(fd: number, size: number, path: string, key: AuditKey): Tail {
  const { last, end } = findLast(fd, size)
  if (end === size) return last ? { last } : {}
  const rest = Buffer.alloc(size - end)
  readSync(fd, rest, 0, rest.length, end)

  const whole = parseRecord(rest.toString('utf8'))
  const parts = splitMac(rest.toString('utf8'))
  if (whole && parts && key.matches(parts.covered, parts.mac)) {
    writeSync(fd, '\n', size)
    return { last: whole, torn: { bytes: 0 } }
  }

  const aside = `${path}.torn-${Date.now()}`
  writeFileSync(aside, rest, { mode: 0o600, flag: 'wx', flush: true })
  ftruncateSync(fd, end)
  fsyncSync(fd)
  return { ...(last && { last }), torn: { bytes: rest.length, keptAs: basename(aside) } }
}

const FIRST_CHUNK = 64 * 1024

/** The last whole record and the offset behind its newline; the file's start if it has none. */
function findLast(fd: number, size: number): { last?: AuditRecord; end: number } {
  for (let length = FIRST_CHUNK; ; length *= 2) {
    const start = Math.max(0, size - length)
    const chunk = Buffer.alloc(size - start)
    readSync(fd, chunk, 0, chunk.length, start)
    let end = chunk.lastIndexOf(10)
    while (end !== -1) {
      const before = end === 0 ? -1 : chunk.lastIndexOf(10, end - 1)
      // The line may begin before the chunk.
      if (before === -1 && start > 0) break
      const last = parseRecord(chunk.toString('utf8', before + 1, end))
      if (last) return { last, end: start + end + 1 }
      end = before
    }
    if (start === 0) return { end: 0 }
  }
}
