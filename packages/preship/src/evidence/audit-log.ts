import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject, type JsonObject } from '../surface.ts'
import { LIMITS, parseBounded } from '../wire/wire.ts'

export interface AuditLog {
  readonly records: readonly JsonObject[]
  /** The names of the given texts that occur in the log. */
  readonly found: ReadonlySet<string>
}

/** The file is not a usable audit log; the message explains why. */
export class UnreadableLogError extends Error {
  override name = 'UnreadableLogError'
}

/** The maximum time to wait for a log that is written late, in milliseconds. */
const PATIENCE_MS = 2_000
const MAX_BYTES = 256 * 1024 * 1024
const MAX_LINES = 2_000_000
/** Approximate memory limit for the records. Small values take many times more memory than their text. */
const MAX_MEMORY = 256 * 1024 * 1024
const BYTES_PER_VALUE = 40
const MAX_INVALID_LINES = 10_000
const OPENING_BRACE = 123

/**
 * Reads an audit log once it has stopped growing: the file itself, and the files with a number suffix that further
 * processes write. The examined server wrote these files, so they may contain anything.
 *
 * @param needles texts to search for, with their names
 * @throws {UnreadableLogError}
 */
export async function readAuditLog(
  file: string,
  needles: readonly (readonly [name: string, text: string])[],
): Promise<AuditLog> {
  let size = sizeOf(file)
  for (let waited = 0; waited < PATIENCE_MS; waited += 200) {
    await sleep(200)
    const now = sizeOf(file)
    if (now === size && now > 0) break
    size = now
  }
  const log: Reading = { records: [], found: new Set(), bytes: 0, lines: 0, invalidLines: 0, memory: 0 }
  for (const each of logFiles(file)) readInto(log, each, needles)
  return log
}

interface Reading {
  readonly records: JsonObject[]
  readonly found: Set<string>
  bytes: number
  lines: number
  invalidLines: number
  memory: number
}

function readInto(log: Reading, file: string, needles: readonly (readonly [name: string, text: string])[]): void {
  const bytes = bytesOf(file, MAX_BYTES - log.bytes)
  log.bytes += bytes.length
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(10, start)
    const end = newline === -1 ? bytes.length : newline
    log.lines += 1
    if (log.lines > MAX_LINES) throw new UnreadableLogError(`it has more than ${MAX_LINES} lines`)
    const line = bytes.subarray(start, end)
    start = end + 1
    for (const [name, text] of needles) if (line.includes(text)) log.found.add(name)
    // Other lines are allowed. Lines that look like a record are counted, because parsing them takes time.
    if (line[0] !== OPENING_BRACE || line.length > LIMITS.messageBytes) continue
    const text = line.toString('utf8')
    const record = recordOf(text)
    if (record === undefined) log.invalidLines += 1
    if (log.invalidLines > MAX_INVALID_LINES)
      throw new UnreadableLogError(`more than ${MAX_INVALID_LINES} of its lines are not valid JSON`)
    if (!isObject(record)) continue
    log.memory += text.length + valuesIn(text) * BYTES_PER_VALUE
    if (log.memory > MAX_MEMORY) throw new UnreadableLogError('its records need too much memory')
    log.records.push(record)
  }
}

function recordOf(text: string): unknown {
  try {
    return parseBounded(text)
  } catch {
    return undefined
  }
}

/** An estimate: commas and brackets inside strings are counted, too. */
function valuesIn(text: string): number {
  let values = 1
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at)
    if (character === 44 || character === 91 || character === OPENING_BRACE) values += 1
  }
  return values
}

/**
 * Reads a file up to its size when it was opened. O_NONBLOCK and the type check keep a pipe or a device from blocking
 * this process.
 */
function bytesOf(file: string, most: number): Buffer {
  let handle: number
  try {
    handle = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    throw new UnreadableLogError(`it cannot be opened (${(error as NodeJS.ErrnoException).code})`)
  }
  try {
    const status = fstatSync(handle)
    if (!status.isFile()) throw new UnreadableLogError('it is not a regular file')
    if (status.size > most) throw new UnreadableLogError(`it is larger than ${MAX_BYTES / 1024 / 1024} MB`)
    const bytes = Buffer.alloc(status.size)
    let read = 0
    for (let more = -1; more !== 0 && read < bytes.length; read += more)
      more = readSync(handle, bytes, read, bytes.length - read, null)
    return bytes.subarray(0, read)
  } finally {
    closeSync(handle)
  }
}

function sizeOf(file: string): number {
  try {
    return logFiles(file).reduce((sum, each) => sum + statSync(each).size, 0)
  } catch {
    return 0
  }
}

function logFiles(file: string): string[] {
  const isSibling = (name: string): boolean => name.startsWith(`${basename(file)}.`) && /\.\d{1,4}$/.test(name)
  let names: string[] = []
  try {
    names = readdirSync(dirname(file)).filter(isSibling)
  } catch {
    // Opening the file will report the error.
  }
  return [file, ...names.map(name => join(dirname(file), name))]
}
