import { linkSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * A slot of an audit file. One process owns the file itself; a second process that is given the same file writes to
 * `<file>.1` beside it, a third to `<file>.2`. Each of these files has its own chain, so a chain has only one writer.
 */
export interface FileSlot {
  /** 0 for the file itself. */
  readonly index: number
  readonly path: string
  release(): void
}

const MAX_SLOTS = 256

/**
 * Claims the first free slot of an audit file. The lock of a process that has ended is taken over. If that cannot be
 * determined (the lock is from another host, or another process is taking it over), the slot counts as taken. The only
 * cost is one more file.
 *
 * @throws if the folder is not writable, or all 256 slots are taken
 */
export function claimSlot(file: string): FileSlot {
  // A device or a pipe holds no chain, and lock files do not belong beside it.
  const special = statSync(file, { throwIfNoEntry: false })
  if (special && !special.isFile()) return { index: 0, path: file, release: () => {} }
  for (let index = 0; index < MAX_SLOTS; index += 1) {
    const path = slotPath(file, index)
    const release = lock(`${path}.lock`)
    if (release) return { index, path, release }
  }
  throw new Error(`${MAX_SLOTS} processes already write to ${file}`)
}

export function slotPath(file: string, index: number): string {
  return index === 0 ? file : `${file}.${index}`
}

interface Owner {
  readonly host: string
  readonly pid: number
  /** The kernel's start time of the process, which tells it from a later process with the same pid. */
  readonly started: string
}

function lock(path: string): (() => void) | undefined {
  const mine = JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) } satisfies Owner)
  // Written to a temporary file first and then linked, so that nobody reads half a lock.
  const temporary = `${path}.${process.pid}`
  try {
    writeFileSync(temporary, mine, { mode: 0o600 })
    if (!linked(temporary, path) && !takeOver(temporary, path)) return undefined
  } finally {
    unlinkQuietly(temporary)
  }
  return () => {
    if (read(path) === mine) unlinkQuietly(path)
  }
}

/** Replaces the lock of a dead process. A second lock ensures that only one process does so at a time. */
function takeOver(temporary: string, path: string): boolean {
  if (!isDead(read(path))) return false
  const breaking = `${path}.breaking`
  if (!linked(temporary, breaking)) return false
  try {
    if (!isDead(read(path))) return false
    renameSync(temporary, path)
    return true
  } finally {
    unlinkQuietly(breaking)
  }
}

/** Hard-links a file. Returns false if the new name is taken. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function isDead(text: string | undefined): boolean {
  if (text === undefined) return false
  try {
    const { host, pid, started } = JSON.parse(text) as Owner
    if (host !== hostname()) return false
    if (pid === process.pid) return started !== startOf(pid)
    process.kill(pid, 0)
    return started !== '' && started !== startOf(pid)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Whether a live process holds the slot. It may be in the middle of writing a record. */
export function isHeld(path: string): boolean {
  const text = read(`${path}.lock`)
  return text !== undefined && !isDead(text)
}

/** Field 22 of /proc/<pid>/stat, or an empty string if the system has no such file. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It is already gone.
  }
}
