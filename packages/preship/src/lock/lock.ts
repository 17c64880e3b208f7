import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isObject, objectOf, type Surface, type Tool } from '../surface.ts'
import { visibleJson } from '../visible-json.ts'
import { type Fingerprint, fingerprintOf, hashOf, PARTS, type Part } from './fingerprint.ts'

/** The accepted state of a server. It is stored in a file beside the code or the client’s configuration. */
export interface Lock {
  /** The name that the server reports. */
  readonly server: string
  /** SHA-256 of the server instructions, which the model reads as well. */
  readonly instructions: string
  readonly tools: ReadonlyMap<string, LockedTool>
}

export interface LockedTool extends Fingerprint {
  /** The worst outcome of the tool, in the words of the person who accepts it. */
  readonly worstCase: string | null
  readonly acceptedBy: string | null
  /** A date: `2026-01-31`. */
  readonly acceptedAt: string | null
}

/** The lock file cannot be used; the message explains why. */
export class LockError extends Error {
  override name = 'LockError'
}

const VERSION = 1
const MAX_BYTES = 16 * 1024 * 1024

/** The lock for the current state of a server, with nothing accepted yet. */
export function lockOf(surface: Surface): Lock {
  const byName = new Map<string, Tool[]>()
  for (const tool of surface.tools) byName.set(tool.name, [...(byName.get(tool.name) ?? []), tool])
  const notAccepted = { worstCase: null, acceptedBy: null, acceptedAt: null }
  return {
    server: surface.server.name,
    instructions: hashOf(surface.instructions),
    tools: new Map([...byName].map(([name, tools]) => [name, { ...fingerprintOf(tools), ...notAccepted }])),
  }
}

export function isAccepted({ worstCase, acceptedBy }: LockedTool): boolean {
  return isText(worstCase) && isText(acceptedBy)
}

/** Formats a lock. The same lock always gives the same text. */
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

/** Reads a lock file. Returns undefined if it does not exist. @throws {LockError} */
export function readLock(file: string): Lock | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LockError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
  if (text.length > MAX_BYTES) throw new LockError(`${file} is larger than ${MAX_BYTES / 1024 / 1024} MB`)
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
  if (version !== VERSION) throw new LockError(`${file} is not a lock file of version ${VERSION}`)
  if (typeof server !== 'string' || typeof instructions !== 'string' || !isObject(tools))
    throw new LockError(`${file} has no server, instructions or tools`)
  return { server, instructions, tools: new Map(Object.entries(tools).map(([name, tool]) => [name, lockedTool(tool)])) }

  function lockedTool(tool: unknown): LockedTool {
    const { surface, parts, worstCase = null, acceptedBy = null, acceptedAt = null } = objectOf(tool)
    const isHashed = typeof surface === 'string' && PARTS.every(part => typeof objectOf(parts)[part] === 'string')
    if (!isHashed || ![worstCase, acceptedBy, acceptedAt].every(each => each === null || typeof each === 'string'))
      throw new LockError(`${file} contains an incomplete entry: run preship lock`)
    return { surface, parts, worstCase, acceptedBy, acceptedAt } as LockedTool & { parts: Record<Part, string> }
  }
}

/** Writes the file atomically: a concurrent reader sees the old file or the new one. @throws {LockError} */
export function writeLock(file: string, lock: Lock): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, formatLock(lock), { flag: 'wx' })
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new LockError(`cannot write ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function isText(text: string | null): boolean {
  return text !== null && text.trim() !== ''
}
