import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { AuditRecord } from '../src/audit/index.ts'

/** A folder that is removed after the test. Other users may enter it, because some tests drop their privileges. */
export function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'guardrails-')))
  chmodSync(folder, 0o755)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1)
}

export function recordsOf(path: string): AuditRecord[] {
  return linesOf(path).map(line => JSON.parse(line) as AuditRecord)
}

/** Returns the error that `work` throws. Fails the test if it throws nothing. */
export function thrownBy(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Runs a system command. Returns false if it fails or does not exist. */
export function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}

/** A second process, which reads and writes lines. It is killed after the test. */
export interface Program {
  readonly pid: number
  /** Returns the next line that it prints. Rejects if it ends first. */
  line(): Promise<string>
  /** Sends a line and returns the line that answers it. */
  ask(command: string): Promise<string>
  /** Closes its input and waits until it ends. Returns the exit code. */
  finish(): Promise<number | null>
  kill(): Promise<void>
}

export interface StartOptions {
  readonly args?: readonly string[]
  /** A shell command that ends in `exec "$@"`. */
  readonly shell?: string
  /** A command that runs the shell, with its arguments. */
  readonly prefix?: readonly string[]
  /** A folder for compiled code, which makes later starts faster. */
  readonly cache?: string
}

/** @param file a TypeScript program, which the current Node runs */
export function start(file: URL, { args = [], shell, prefix = [], cache }: StartOptions = {}): Program {
  const [command = '', ...rest] = [
    ...prefix,
    ...(shell ? ['sh', '-c', shell, 'sh'] : []),
    process.execPath,
    fileURLToPath(file),
    ...args,
  ]
  const child = spawn(command, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...(cache && { NODE_COMPILE_CACHE: cache }) },
  })
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  // Writing to a program that has ended fails. The test notices, because no line follows.
  child.stdin.on('error', () => {})
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const program: Program = {
    pid: child.pid ?? 0,
    async line() {
      const { done, value } = await lines.next()
      if (done) throw new Error(`the program ended with ${await closed}: ${errors}`)
      return value
    },
    ask(line) {
      child.stdin.write(`${line}\n`)
      return program.line()
    },
    finish() {
      child.stdin.end()
      return closed
    },
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
  }
  onTestFinished(() => program.kill())
  return program
}
