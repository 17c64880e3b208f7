import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { LineReader } from './line-reader.ts'
import { Pending } from './pending.ts'
import { disown, endTree, MARK, own } from './processes.ts'
import { LIMITS, type Message, type Wire, WireError } from './wire.ts'

/** How a local server is started. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** All that it gets to see of an environment, besides PATH, HOME and the mark of this run. */
  readonly env: Readonly<Record<string, string>>
}

/** A server may end by itself when its input does, then when it is told to; after that it has no choice. */
const PATIENCE_MS = 1_000
/** What a server that has ended wrote before may still be on its way. */
const LAST_WORDS_MS = 500

/** Starts a server and speaks to it over standard input and output. */
export function openStdio({ program, args, env }: Command): Wire {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(program, [...args], {
    env: { PATH, HOME, ...env, [MARK.name]: MARK.value },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: a signal reaches all that it starts, and Ctrl-C reaches this process alone, which ends them.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const { pid } = child
  if (pid !== undefined) own(pid)
  const write = (text: string): void => {
    if (child.stdin.writable) child.stdin.write(`${text}\n`)
  }
  const pending = new Pending(message => {
    // A server that asks and never reads must not fill the memory with answers.
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
    if (!isUtf8) pending.note('noise', 'it sent bytes that are no UTF-8')
    pending.take(line)
  })
  child.stdout.on('data', (chunk: Buffer) => {
    try {
      lines.push(chunk)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      pending.note('too-large', `${error.message}, and was cut off`)
      abort(error)
    }
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-LIMITS.stderrCharacters)
  })
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {})

  const ended = new Promise<void>(resolve => {
    child.once('error', error => {
      pending.fail(new WireError('closed', `it cannot be started: ${(error as NodeJS.ErrnoException).code}`))
      if (pid === undefined) resolve()
    })
    child.once('exit', (code, signal) => {
      resolve()
      const fail = (): void => pending.fail(new WireError('closed', `the server ended (${code ?? signal})`))
      child.once('close', fail)
      // Something that it started may hold the other end, and then there is no close.
      setTimeout(fail, LAST_WORDS_MS).unref()
    })
  })

  const endedWithin = async (ms: number): Promise<boolean> => {
    const stop = new AbortController()
    const late = delay(ms, false, { signal: stop.signal }).catch(() => false)
    const isEnded = await Promise.race([ended.then(() => true), late])
    stop.abort()
    return isEnded
  }
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    if (child.stdin.writable) child.stdin.end()
    if (pid !== undefined && !(await endedWithin(PATIENCE_MS))) {
      endTree(pid, 'SIGTERM')
      if (!(await endedWithin(PATIENCE_MS))) endTree(pid, 'SIGKILL')
    }
    await ended
    pending.fail(new WireError('closed', 'the connection was closed'))
    if (pid !== undefined) disown(pid)
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
    get oddities() {
      return pending.oddities
    },
    get stderr() {
      return stderr
    },
    abort,
    close() {
      // A number is some other process's once this one is gone: it is ended once.
      closed ??= close()
      return closed
    },
  }
}
