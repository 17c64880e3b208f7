import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { NotADraftError } from './errors.ts'

export interface ReadFile {
  readonly bytes: Buffer
  readonly modifiedAt: Date
}

/**
 * Reads a file through one handle: opened without following a link and without waiting (a FIFO would block for ever),
 * and judged by that handle alone, so that nothing can be put in its place between check and use.
 *
 * @param path where the file is; only its last component comes from a caller
 * @param filename the name to put in an error
 * @param maxBytes the largest file accepted
 * @throws {NotADraftError}
 */
export function readOnce(path: string, filename: string, maxBytes: number): ReadFile {
  const refuse = (reason: NotADraftError['reason']): never => {
    throw new NotADraftError(reason, filename)
  }
  const noFollow = constants.O_NOFOLLOW as number | undefined
  const expected = noFollow === undefined ? lstat(path, refuse) : undefined
  const fd = open(path, constants.O_RDONLY | (noFollow ?? 0) | (constants.O_NONBLOCK ?? 0), refuse)
  try {
    const before = fstatSync(fd, { bigint: true })
    if (!before.isFile()) refuse('not-a-regular-file')
    // Without O_NOFOLLOW (Windows) the weaker form: what was looked at must be what was opened.
    if (expected && (expected.ino !== before.ino || expected.dev !== before.dev)) refuse('changed-while-reading')
    if (before.nlink !== 1n) refuse('hard-linked')
    if (before.size > BigInt(maxBytes)) refuse('too-large')
    // One byte more than there should be: a file that grew shows itself.
    const buffer = Buffer.allocUnsafe(Number(before.size) + 1)
    const length = readFully(fd, buffer, refuse)
    // A hard link that is gone since it was opened leaves a link count of one: the name must still lead to this file.
    letRenamesEnd(dirname(path), refuse)
    const named = lstat(path, refuse)
    const isNamed = named.ino === before.ino && named.dev === before.dev && same(before, named)
    if (length !== Number(before.size) || !isNamed || !same(before, fstatSync(fd, { bigint: true })))
      refuse('changed-while-reading')
    return { bytes: buffer.subarray(0, length), modifiedAt: before.mtime }
  } finally {
    closeSync(fd)
  }
}

/**
 * Waits for whoever replaces a name in the folder at this moment.
 *
 * In the midst of a rename, Linux has already lowered the replaced file's link count while the name still leads to it:
 * one that was linked twice looks as if it had this one name only, for as long as the renaming process is held up. A
 * rename holds the folder's lock until its name leads elsewhere, and listing a folder takes that lock. What is renamed
 * after this shows in the file's change time.
 */
function letRenamesEnd(folder: string, refuse: Refuse): void {
  try {
    const listing = opendirSync(folder)
    try {
      listing.readSync()
    } finally {
      listing.closeSync()
    }
  } catch {
    refuse('unreadable')
  }
}

type Refuse = (reason: NotADraftError['reason']) => never

function lstat(path: string, refuse: Refuse): BigIntStats {
  try {
    const stats = lstatSync(path, { bigint: true })
    return stats.isFile() ? stats : refuse('not-a-regular-file')
  } catch (error) {
    if (error instanceof NotADraftError) throw error
    return refuse(codeOf(error) === 'ENOENT' ? 'missing' : 'unreadable')
  }
}

function open(path: string, flags: number, refuse: Refuse): number {
  try {
    return openSync(path, flags)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return refuse('missing')
    // A link (ELOOP; EMLINK on some systems), a socket (ENXIO), a device without a driver (ENODEV).
    if (code === 'ELOOP' || code === 'EMLINK' || code === 'ENXIO' || code === 'ENODEV')
      return refuse('not-a-regular-file')
    return refuse('unreadable')
  }
}

function readFully(fd: number, buffer: Buffer, refuse: Refuse): number {
  let length = 0
  try {
    while (length < buffer.length) {
      const read = readSync(fd, buffer, length, buffer.length - length, null)
      if (read === 0) break
      length += read
    }
  } catch {
    return refuse('unreadable')
  }
  return length
}

function same(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.nlink === b.nlink
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
