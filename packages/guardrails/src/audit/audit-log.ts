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

/** The record could not be written, so the action that it announces must not happen. The cause is for the operator only. */
export class AuditUnavailableError extends Error {
  override name = 'AuditUnavailableError'
}

export interface AuditLog {
  /** Where the records go: the given file, or a numbered one beside it if another process owns the given one. */
  readonly path: string
  readonly headPath: string
  readonly kid: string
  /**
   * Writes a record, after those that could not be written earlier.
   *
   * @param options.durable whether to flush the record to the disk before this returns
   * @throws {AuditUnavailableError} if the record is not written
   */
  append(entry: Entry, options?: { durable?: boolean }): void
  /**
   * Like `append`, for something that has already happened. If the record cannot be written now, it is kept in memory
   * and written before the next one that can be.
   */
  report(entry: Entry): void
  /** Writes the records that `report` kept. @throws {AuditUnavailableError} if they still cannot be written */
  flush(): void
  redact(value: unknown, policy: FieldPolicy | undefined): unknown
  /** Writes `stop` and releases the file. Never throws. */
  close(): void
}

export interface AuditLogOptions {
  readonly file: string
  /**
   * Where the head is stored; `<file>.head` by default. Another place is better if whoever can write to the audit file
   * cannot write there.
   */
  readonly headFile?: string
  readonly key: AuditKey
  /** The server's name. */
  readonly server: string
  /** Called when records can no longer be written, and when they can be again. For the operator. */
  readonly onFault?: (fault: Error) => void
  readonly now?: () => Date
}

/** The most records that are kept in memory while none can be written. Further records are only counted. */
const MAX_BACKLOG = 10_000

/**
 * Opens the audit log of one server process, repairs the end of the file if a crash left it torn, and writes `start`.
 * If the file opens but nothing can be written (a full disk), the log is returned anyway: every `append` tries again.
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
  let storedHead: Head | undefined
  let tail: ReturnType<typeof repairTail>
  try {
    tail = repairTail(slot.path, key)
    file = openAppendFile(slot.path)
    // A device keeps no records, so it needs no head.
    headFile = isDevice(slot.path) ? undefined : openHeadFile(headPath)
    storedHead = headFile && readHead(headPath)
  } catch (error) {
    slot.release()
    throw error
  }

  let head: Head = tail.last ? { seq: tail.last.seq, mac: tail.last.mac } : { seq: 0, mac: GENESIS }
  let next: Head = head

  // pino formats the line. Its own destinations swallow write errors, so this one signs, writes and throws.
  const lines = pino(
    // The level formatter writes the version of the record: one that returns no field would leave a stray comma.
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
  let unrecorded = 0
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
    if (unrecorded > 0) {
      writeLine({ event: 'recovered', result: { unrecorded } })
      unrecorded = 0
    }
  }

  const keep = (entry: Entry): void => {
    if (backlog.length < MAX_BACKLOG) backlog.push(entry)
    else unrecorded += 1
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
        // onFault was already called.
      }
      closed = true
      headFile?.close()
      file.close()
      slot.release()
    },
  }

  const missing = storedHead && storedHead.seq > head.seq ? storedHead : undefined
  if (tail.torn || missing)
    keep({
      event: 'recovered',
      result: {
        ...(tail.torn && { tornBytes: tail.torn.bytes, ...(tail.torn.keptAs && { keptAs: tail.torn.keptAs }) }),
        // A head is written after its record, so that record once existed.
        ...(missing && { missingFrom: head.seq + 1, missingTo: missing.seq, missingMac: missing.mac }),
      },
    })
  try {
    log.report({ event: 'start' })
  } catch {
    // onFault was called. Each call tries again, and is refused if its record cannot be written.
  }
  return log
}

function isDevice(path: string): boolean {
  return !statSync(path).isFile()
}
