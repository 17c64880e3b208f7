import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject, type JsonObject } from '../surface.ts'
import { LIMITS, parseBounded } from '../wire/wire.ts'

export interface AuditLog {
  readonly records: readonly JsonObject[]
  /** Which of the texts that were looked for stand in it, by name. */
  readonly holds: ReadonlySet<string>
}

/** A log that is none; the message says why. */
export class UnreadableLogError extends Error {
  override name = 'UnreadableLogError'
}

/** Milliseconds to wait at most for a log that is written late. */
const PATIENCE_MS = 2_000
const MAX_BYTES = 256 * 1024 * 1024
const MAX_LINES = 2_000_000
/** About how many bytes of memory the records may take: small values take many times more of it than text. */
const MAX_MEMORY = 256 * 1024 * 1024
const BYTES_A_VALUE = 40
const MAX_BROKEN = 10_000
const BRACE = 123

/**
 * Reads a log once it has stopped growing: the file and, as a second process may not write to it, those with a number
 * behind its name. The server that is examined wrote it: it may be anything.
 *
 * @param needles texts to look for, by name @throws {UnreadableLogError}
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
  const log: Reading = { records: [], holds: new Set(), bytes: 0, lines: 0, broken: 0, memory: 0 }
  for (const each of setOf(file)) readInto(log, each, needles)
  return log
}

interface Reading {
  readonly records: JsonObject[]
  readonly holds: Set<string>
  bytes: number
  lines: number
  broken: number
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
    for (const [name, text] of needles) if (line.includes(text)) log.holds.add(name)
    // A log may hold other lines as well; but each that only looks like a record takes its time.
    if (line[0] !== BRACE || line.length > LIMITS.messageBytes) continue
    const text = line.toString('utf8')
    const record = recordOf(text)
    if (record === undefined) log.broken += 1
    if (log.broken > MAX_BROKEN) throw new UnreadableLogError(`more than ${MAX_BROKEN} of its lines are broken`)
    if (!isObject(record)) continue
    log.memory += text.length + valuesIn(text) * BYTES_A_VALUE
    if (log.memory > MAX_MEMORY) throw new UnreadableLogError('it holds more than anybody should have to read')
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

/** About as many; what stands in quotes is counted, too. */
function valuesIn(text: string): number {
  let values = 1
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at)
    if (character === 44 || character === 91 || character === BRACE) values += 1
  }
  return values
}

/** As much of a file as it held when it was opened. A pipe or a device in its place could keep whoever reads it for ever. */
function bytesOf(file: string, most: number): Buffer {
  let handle: number
  try {
    handle = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    throw new UnreadableLogError(`there is none that can be read (${(error as NodeJS.ErrnoException).code})`)
  }
  try {
    const status = fstatSync(handle)
    if (!status.isFile()) throw new UnreadableLogError('it is no file')
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
    return setOf(file).reduce((sum, each) => sum + statSync(each).size, 0)
  } catch {
    return 0
  }
}

function setOf(file: string): string[] {
  const isBeside = (name: string): boolean => name.startsWith(`${basename(file)}.`) && /\.\d{1,4}$/.test(name)
  let names: string[] = []
  try {
    names = readdirSync(dirname(file)).filter(isBeside)
  } catch {
    // Then the file is not there either, and reading it says so.
  }
  return [file, ...names.map(name => join(dirname(file), name))]
}
