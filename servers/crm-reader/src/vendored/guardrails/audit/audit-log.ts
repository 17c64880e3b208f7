import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { pino } from 'pino'
import { type AppendFile, openAppendFile } from './append-file.ts'
import { claimSlot, slotPath } from './file-slot.ts'
import { type Head, type HeadFile, openHeadFile, readHead } from './head-file.ts'
import type { AuditKey } from './key.ts'
import { type Entry, GENESIS, joinMac } from './record.ts'
import { type FieldPolicy, redact } from './redaction.ts'
import { repairTail } from './torn-tail.ts'

/** The record could not be written: what it was to precede must not happen. The cause is for the operator alone. */
export class AuditUnavailableError extends Error {
  override name = 'AuditUnavailableError'
}

export interface AuditLog {
  /** Where the records go: the file given, or a numbered one beside it where another process owns that. */
  readonly path: string
  readonly headPath: string
  readonly kid: string
  /**
   * Writes one record, and before it those that could not be written earlier.
   *
   * @param options.durable whether it must be on the disk, not only with the system, before this returns
   * @throws {AuditUnavailableError} the record is not written
   */
  append(entry: Entry, options?: { durable?: boolean }): void
  /**
   * Like `append`, for a record of what has happened already: if it cannot be written now it is kept, and goes first
   * once records can be written again.
   */
  report(entry: Entry): void
  /** Writes what `report` had to keep. @throws {AuditUnavailableError} it still cannot be written */
  flush(): void
  redact(value: unknown, policy: FieldPolicy | undefined): unknown
  /** Writes `stop` and gives the file free. Never throws. */
  close(): void
}

export interface AuditLogOptions {
  readonly file: string
  /** Where the head is kept; `<file>.head` unless told. Elsewhere is better: who can cut the one can then not cut the other. */
  readonly headFile?: string
  readonly key: AuditKey
  /** The server's name. */
  readonly server: string
  /** Told, for the operator, when records cannot be written and when they can again. */
  readonly onFault?: (fault: Error) => void
  readonly now?: () => Date
}

/** Records kept in memory while none can be written; beyond it they are counted only. */
const MAX_BACKLOG = 10_000

/**
 * Opens the audit log of one server process, repairs what a crash left, and writes `start`. A log that opens but cannot
 * be written to (a full disk) is returned all the same: every `append` tries again.
 *
 * @throws if the file, its folder or the head cannot be opened
 */
export function openAuditLog(options: AuditLogOptions): AuditLog {
  const { key, server } = options
  const now = options.now ?? (() => new Date())
  const slot = claimSlot(options.file)
  const headPath = slotPath(options.headFile ?? `${options.file}.head`, slot.index)
  const instance = randomUUID()

  let file: AppendFile
  let headFile: HeadFile | undefined
  let anchored: Head | undefined
  let tail: ReturnType<typeof repairTail>
  try {
    tail = repairTail(slot.path, key)
    file = openAppendFile(slot.path)
    // A device keeps no records, so there is no end of them to anchor.
    headFile = isDevice(slot.path) ? undefined : openHeadFile(headPath)
    anchored = headFile && readHead(headPath)
  } catch (error) {
    slot.release()
    throw error
  }

  let head: Head = tail.last ? { seq: tail.last.seq, mac: tail.last.mac } : { seq: 0, mac: GENESIS }
  let next: Head = head

  // pino writes the line; its own destinations would swallow a write error, so this one signs, writes and throws.
  const lines = pino(
    // What would be pino's level is the record's version: a formatter that gives nothing leaves a comma behind.
    { base: null, timestamp: false, formatters: { level: () => ({ v: 1 }) } },
    {
      write(line: string) {
        const covered = line.slice(0, -1)
        const mac = key.mac(covered)
        file.append(Buffer.from(`${joinMac(covered, mac)}\n`))
        next = { seq: head.seq + 1, mac }
      },
    },
  )

  const backlog: Entry[] = []
  let uncounted = 0
  let failing = false

  const writeLine = ({ event, ...rest }: Entry): void => {
    lines.info({
      seq: head.seq + 1,
      time: now().toISOString(),
      event,
      server,
      instance,
      ...rest,
      kid: key.kid,
      prev: head.mac,
    })
    head = next
  }

  const flush = (): void => {
    while (backlog[0]) {
      writeLine(backlog[0])
      backlog.shift()
    }
    if (uncounted > 0) {
      writeLine({ event: 'recovered', result: { unrecorded: uncounted } })
      uncounted = 0
    }
  }

  const keep = (entry: Entry): void => {
    if (backlog.length < MAX_BACKLOG) backlog.push(entry)
    else uncounted += 1
  }

  let closed = false
  const attempt = (work: () => void): void => {
    try {
      if (closed) throw new Error('the audit log is closed')
      file.assertInPlace()
      work()
      headFile?.write(head)
      if (failing) options.onFault?.(new Error('audit records can be written again'))
      failing = false
    } catch (error) {
      if (!failing) options.onFault?.(error as Error)
      failing = true
      throw new AuditUnavailableError('the audit log cannot be written', { cause: error })
    }
  }

  const log: AuditLog = {
    path: slot.path,
    headPath,
    kid: key.kid,
    append(entry, { durable = false } = {}) {
      attempt(() => {
        flush()
        writeLine(entry)
        if (durable) file.sync()
      })
    },
    report(entry) {
      keep(entry)
      attempt(flush)
    },
    flush: () => attempt(flush),
    redact: (value, policy) => redact(value, policy, key),
    close() {
      if (closed) return
      try {
        log.report({ event: 'stop' })
        file.sync()
        headFile?.sync()
      } catch {
        // Told to onFault already.
      }
      closed = true
      headFile?.close()
      file.close()
      slot.release()
    },
  }

  const missing = anchored && anchored.seq > head.seq ? anchored : undefined
  if (tail.torn || missing)
    keep({
      event: 'recovered',
      result: {
        ...(tail.torn && { tornBytes: tail.torn.bytes, ...(tail.torn.keptAs && { keptAs: tail.torn.keptAs }) }),
        // The head was written after the record it names: that record was there once.
        ...(missing && { missingFrom: head.seq + 1, missingTo: missing.seq, missingMac: missing.mac }),
      },
    })
  try {
    log.report({ event: 'start' })
  } catch {
    // Told to onFault; each call will try again, and fail closed.
  }
  return log
}

function isDevice(path: string): boolean {
  return !statSync(path).isFile()
}
