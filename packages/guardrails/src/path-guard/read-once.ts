import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { NotADraftError } from './errors.ts'

export interface ReadFile {
  readonly bytes: Buffer
  readonly modifiedAt: Date
}

/**
 * Opens a file without following a link and without waiting (a FIFO would block forever), then checks and reads it
 * through the same handle, so that nobody can swap the file between the check and the read.
 *
 * @param path only its last component comes from a caller
 * @param filename the name for errors
 * @param maxBytes the size of the largest file that is accepted
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
    // Windows has no O_NOFOLLOW. There, the file that was looked at must be the file that was opened.
    if (expected && (expected.ino !== before.ino || expected.dev !== before.dev)) refuse('changed-while-reading')
    if (before.nlink !== 1n) refuse('hard-linked')
    if (before.size > BigInt(maxBytes)) refuse('too-large')
    // One byte more than the file should have, to detect that it grew.
    const buffer = Buffer.allocUnsafe(Number(before.size) + 1)
    const length = readFully(fd, buffer, refuse)
    // A hard link that was replaced after it was opened may have a link count of one, so the name must still lead here.
    waitForRenames(dirname(path), refuse)
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
 * Waits for a rename in the folder that is in progress.
 *
 * During a rename, Linux lowers the link count of the replaced file while its name still leads to it. A file with two
 * links then looks like a file with one, for as long as the renaming process is suspended. A rename holds the lock of
 * the folder until it is complete, and listing the folder takes the same lock. A rename that starts later changes the
 * file's change time.
 */
function waitForRenames(folder: string, refuse: Refuse): void {
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
    // A symbolic link (ELOOP, or EMLINK on some systems), a socket (ENXIO), or a device without a driver (ENODEV).
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
