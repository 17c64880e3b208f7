import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Pending } from './pending.ts'
import { LIMITS, type Message, parseBounded, type Wire, WireError } from './wire.ts'

/** How a local server is started. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** All that it gets to see of an environment, besides PATH and HOME. */
  readonly env: Readonly<Record<string, string>>
}

const NEWLINE = 10
const KILL_AFTER_MS = 2_000

/** Starts a server and speaks to it over standard input and output. */
export function openStdio({ program, args, env }: Command): Wire {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(program, [...args], { env: { PATH, HOME, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  const write = (text: string): void => void child.stdin.write(`${text}\n`)
  const pending = new Pending(message => write(JSON.stringify(message)))
  let stderr = ''
  let line: Buffer[] = []
  let lineBytes = 0
  let totalBytes = 0

  const end = (error: WireError): void => {
    child.kill('SIGKILL')
    pending.fail(error)
  }
  const onLine = (text: string): void => {
    if (text.trim() === '') return
    try {
      pending.dispatch(parseBounded(text))
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      if (error.fault === 'too-deep') pending.note('too-deep', error.message)
      else pending.note('noise', 'it wrote something on standard output that is no JSON')
    }
  }
  child.stdout.on('data', (chunk: Buffer) => {
    totalBytes += chunk.length
    let start = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
      line.push(chunk.subarray(start, at))
      onLine(Buffer.concat(line).toString('utf8'))
      line = []
      lineBytes = 0
      start = at + 1
    }
    line.push(chunk.subarray(start))
    lineBytes += chunk.length - start
    if (lineBytes <= LIMITS.messageBytes && totalBytes <= LIMITS.totalBytes) return
    pending.note('too-large', 'it sent more than anybody should have to read, and was cut off')
    end(new WireError('too-large', 'the server sent too much'))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-LIMITS.stderrCharacters)
  })
  child.stdin.on('error', () => {})
  child.once('error', error => end(new WireError('closed', `it cannot be started: ${error.message}`)))
  const exited = once(child, 'close').catch(() => {})
  child.once('close', code => pending.fail(new WireError('closed', `the server ended (${code ?? 'killed'})`)))

  return {
    async request(message, timeoutMs) {
      if (child.exitCode !== null) throw new WireError('closed', `the server ended (${child.exitCode})`)
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
    async close() {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
      await exited
      clearTimeout(timer)
    },
  }
}
