import { linkSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * One process owns an audit file. A second one that is given the same file takes `<file>.1` beside it, a third
 * `<file>.2`, each with a chain of its own: there are never two writers in one chain.
 */
export interface FileSlot {
  /** 0 for the file itself. */
  readonly index: number
  readonly path: string
  release(): void
}

const MAX_SLOTS = 256

/**
 * Claims the first free slot of an audit file. A lock whose process is gone is taken over; where that cannot be told
 * (another host's lock, a take-over under way) the slot counts as taken, which costs one more file and nothing else.
 *
 * @throws if the folder cannot be written, or 256 processes hold the file already
 */
export function claimSlot(file: string): FileSlot {
  // A device or a pipe has no chain to protect and no folder of ours beside it.
  const special = statSync(file, { throwIfNoEntry: false })
  if (special && !special.isFile()) return { index: 0, path: file, release: () => {} }
  for (let index = 0; index < MAX_SLOTS; index += 1) {
    const path = slotPath(file, index)
    const release = lock(`${path}.lock`)
    if (release) return { index, path, release }
  }
  throw new Error(`${MAX_SLOTS} processes already write ${file}`)
}

export function slotPath(file: string, index: number): string {
  return index === 0 ? file : `${file}.${index}`
}

interface Owner {
  readonly host: string
  readonly pid: number
  /** When the process started, in the kernel's own count, so that a reused pid is not taken for it. */
  readonly started: string
}

function lock(path: string): (() => void) | undefined {
  const mine = JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) } satisfies Owner)
  const draft = `${path}.${process.pid}`
  // Written whole before it gets its name: nobody ever reads half a lock.
  try {
    writeFileSync(draft, mine, { mode: 0o600 })
    if (!linked(draft, path) && !takeOver(draft, path)) return undefined
  } finally {
    unlinkQuietly(draft)
  }
  return () => {
    if (read(path) === mine) unlinkQuietly(path)
  }
}

/** Replaces a dead process's lock. Under a lock of its own, as two processes may find the same dead one. */
function takeOver(draft: string, path: string): boolean {
  if (!isDead(read(path))) return false
  const breaking = `${path}.breaking`
  if (!linked(draft, breaking)) return false
  try {
    if (!isDead(read(path))) return false
    renameSync(draft, path)
    return true
  } finally {
    unlinkQuietly(breaking)
  }
}

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

/** Whether a living process holds a slot: what ends its file may be half written. */
export function isHeld(path: string): boolean {
  const text = read(`${path}.lock`)
  return text !== undefined && !isDead(text)
}

/** Field 22 of /proc/<pid>/stat; empty where the system has none. */
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
    // Already gone.
  }
}
