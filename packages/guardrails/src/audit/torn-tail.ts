import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import type { AuditKey } from './key.ts'
import { type AuditRecord, parseRecord, splitMac } from './record.ts'

/** The end of a chain after the repair. */
export interface Tail {
  /** The record that the next one continues. */
  readonly last?: AuditRecord
  /** The length of the torn part, and the name of the file that holds it now. */
  readonly torn?: { readonly bytes: number; readonly keptAs?: string }
}

/**
 * Repairs the end of a file after a crash. Bytes after the last complete record are moved to `<file>.torn-<time>`
 * beside the file; they are never deleted. If the last record lacks only its newline, the newline is added.
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

/** The last complete record and the offset after its newline, or offset 0 if there is no such record. */
function findLast(fd: number, size: number): { last?: AuditRecord; end: number } {
  for (let length = FIRST_CHUNK; ; length *= 2) {
    const start = Math.max(0, size - length)
    const chunk = Buffer.alloc(size - start)
    readSync(fd, chunk, 0, chunk.length, start)
    let end = chunk.lastIndexOf(10)
    while (end !== -1) {
      const before = end === 0 ? -1 : chunk.lastIndexOf(10, end - 1)
      // The line may begin before this chunk.
      if (before === -1 && start > 0) break
      const last = parseRecord(chunk.toString('utf8', before + 1, end))
      if (last) return { last, end: start + end + 1 }
      end = before
    }
    if (start === 0) return { end: 0 }
  }
}
