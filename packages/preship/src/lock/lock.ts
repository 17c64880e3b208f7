import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isObject, objectOf, type Surface, type Tool } from '../surface.ts'
import { visibleJson } from '../visible-json.ts'
import { type Fingerprint, fingerprintOf, hashOf, PARTS, type Part } from './fingerprint.ts'

/** What people have decided about a server, kept in a file beside its code or its client's configuration. */
export interface Lock {
  /** As the server calls itself. */
  readonly server: string
  /** SHA-256 of its instructions, which a model reads as well. */
  readonly instructions: string
  readonly tools: ReadonlyMap<string, LockedTool>
}

export interface LockedTool extends Fingerprint {
  /** The worst that can come of the tool, in words of whoever accepts it. */
  readonly worstCase: string | null
  readonly acceptedBy: string | null
  /** A date: `2026-01-31`. */
  readonly acceptedAt: string | null
}

/** A lock file that cannot be used; the message says why. */
export class LockError extends Error {
  override name = 'LockError'
}

const VERSION = 1
const MAX_BYTES = 16 * 1024 * 1024

/** A server as it is now, with nothing decided about it. */
export function lockOf(surface: Surface): Lock {
  const byName = new Map<string, Tool[]>()
  for (const tool of surface.tools) byName.set(tool.name, [...(byName.get(tool.name) ?? []), tool])
  const undecided = { worstCase: null, acceptedBy: null, acceptedAt: null }
  return {
    server: surface.server.name,
    instructions: hashOf(surface.instructions),
    tools: new Map([...byName].map(([name, tools]) => [name, { ...fingerprintOf(tools), ...undecided }])),
  }
}

export function isAccepted({ worstCase, acceptedBy }: LockedTool): boolean {
  return isText(worstCase) && isText(acceptedBy)
}

/** The same lock is always the same text. */
export function formatLock({ server, instructions, tools }: Lock): string {
  const entries = [...tools]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { surface, parts, worstCase, acceptedBy, acceptedAt }]) => [
      name,
      { surface, parts, worstCase, acceptedBy, acceptedAt },
    ])
  const lock = { version: VERSION, server, instructions, tools: Object.fromEntries(entries) as unknown }
  return visibleJson(lock)
}

/** Undefined if there is none. @throws {LockError} */
export function readLock(file: string): Lock | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LockError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
  if (text.length > MAX_BYTES) throw new LockError(`${file} is too large`)
  return parseLock(text, file)
}

/** @throws {LockError} */
export function parseLock(text: string, file: string): Lock {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new LockError(`${file} is not JSON`)
  }
  const { version, server, instructions, tools } = objectOf(value)
  if (version !== VERSION) throw new LockError(`${file} is no lock file of version ${VERSION}`)
  if (typeof server !== 'string' || typeof instructions !== 'string' || !isObject(tools))
    throw new LockError(`${file} lacks server, instructions or tools`)
  return { server, instructions, tools: new Map(Object.entries(tools).map(([name, tool]) => [name, lockedTool(tool)])) }

  function lockedTool(tool: unknown): LockedTool {
    const { surface, parts, worstCase = null, acceptedBy = null, acceptedAt = null } = objectOf(tool)
    const isHashed = typeof surface === 'string' && PARTS.every(part => typeof objectOf(parts)[part] === 'string')
    if (!isHashed || ![worstCase, acceptedBy, acceptedAt].every(each => each === null || typeof each === 'string'))
      throw new LockError(`${file} has an entry that is not complete: run preship lock`)
    return { surface, parts, worstCase, acceptedBy, acceptedAt } as LockedTool & { parts: Record<Part, string> }
  }
}

/** All of it or nothing: whoever reads the file meanwhile finds the old one. @throws {LockError} */
export function writeLock(file: string, lock: Lock): void {
  const beside = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(beside, formatLock(lock), { flag: 'wx' })
    renameSync(beside, file)
  } catch (error) {
    rmSync(beside, { force: true })
    throw new LockError(`${file} cannot be written: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function isText(text: string | null): boolean {
  return text !== null && text.trim() !== ''
}
