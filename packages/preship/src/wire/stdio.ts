import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { LineReader } from './line-reader.ts'
import { Pending } from './pending.ts'
import { endTree, RUN_MARKER, track, untrack } from './processes.ts'
import { LIMITS, type Message, type Wire, WireError } from './wire.ts'

/** The command that starts a local server. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** Its whole environment besides PATH, HOME and the marker of this run. */
  readonly env: Readonly<Record<string, string>>
}

/** How long to wait for the server to exit, first after its input is closed and then after SIGTERM. SIGKILL follows. */
const EXIT_GRACE_MS = 1_000
/** How long to wait for output that the server wrote before it exited. */
const REMAINING_OUTPUT_MS = 500

/** Starts a server and opens a connection over its standard input and output. */
export function openStdio({ program, args, env }: Command): Wire {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(program, [...args], {
    env: { PATH, HOME, ...env, [RUN_MARKER.name]: RUN_MARKER.value },
    stdio: ['pipe', 'pipe', 'pipe'],
    // In its own process group, a signal reaches the server and its children, and Ctrl-C reaches only preship, which
    // then ends them.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const { pid } = child
  if (pid !== undefined) track(pid)
  const write = (text: string): void => {
    if (child.stdin.writable) child.stdin.write(`${text}\n`)
  }
  const pending = new Pending(message => {
    // A server that sends requests but never reads must not fill memory with answers.
    if (child.stdin.writableLength < LIMITS.messageBytes) write(JSON.stringify(message))
  })
  let stderr = ''

  const abort = (error: WireError): void => {
    pending.fail(error)
    child.stdout.destroy()
    child.stderr.destroy()
    if (pid !== undefined) endTree(pid, 'SIGKILL')
  }
  const lines = new LineReader((line, isUtf8) => {
    if (!isUtf8) pending.note('noise', 'it sent bytes that are not valid UTF-8')
    pending.take(line)
  })
  child.stdout.on('data', (chunk: Buffer) => {
    try {
      lines.push(chunk)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      pending.note('too-large', `${error.message}; the connection was closed`)
      abort(error)
    }
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-LIMITS.stderrCharacters)
  })
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {})

  const ended = new Promise<void>(resolve => {
    child.once('error', error => {
      pending.fail(new WireError('closed', `the server cannot be started: ${(error as NodeJS.ErrnoException).code}`))
      if (pid === undefined) resolve()
    })
    child.once('exit', (code, signal) => {
      resolve()
      const fail = (): void => pending.fail(new WireError('closed', `the server exited (${code ?? signal})`))
      child.once('close', fail)
      // A child process may keep the pipe open, and then `close` is never emitted.
      setTimeout(fail, REMAINING_OUTPUT_MS).unref()
    })
  })

  const endedWithin = async (ms: number): Promise<boolean> => {
    const stop = new AbortController()
    const timeout = delay(ms, false, { signal: stop.signal }).catch(() => false)
    const isEnded = await Promise.race([ended.then(() => true), timeout])
    stop.abort()
    return isEnded
  }
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    if (child.stdin.writable) child.stdin.end()
    if (pid !== undefined && !(await endedWithin(EXIT_GRACE_MS))) {
      endTree(pid, 'SIGTERM')
      if (!(await endedWithin(EXIT_GRACE_MS))) endTree(pid, 'SIGKILL')
    }
    await ended
    pending.fail(new WireError('closed', 'the connection was closed'))
    if (pid !== undefined) untrack(pid)
    child.stdout.destroy()
    child.stderr.destroy()
  }

  return {
    async request(message, timeoutMs) {
      const reply = pending.wait(message.id, timeoutMs)
      write(JSON.stringify(message))
      return await reply
    },
    async notify(message: Message) {
      write(JSON.stringify(message))
    },
    async raw(text, timeoutMs) {
      const reply = pending.wait(null, timeoutMs)
      write(text)
      return await reply.catch(error => {
        if (error instanceof WireError && error.fault === 'timeout') return undefined
        throw error
      })
    },
    get onAsked() {
      return pending.onAsked
    },
    set onAsked(answer) {
      pending.onAsked = answer
    },
    get anomalies() {
      return pending.anomalies
    },
    get stderr() {
      return stderr
    },
    abort,
    close() {
      // Closing twice could signal another process that has reused the process id.
      closed ??= close()
      return closed
    },
  }
}
