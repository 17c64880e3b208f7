import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { AuditRecord } from '#guardrails/audit'
import { tempFolder } from '../setup/temp-folder.ts'

interface Reply {
  readonly id?: unknown
  readonly result?: Record<string, unknown>
  readonly error?: { readonly code: number; readonly message: string }
}

interface Program {
  /** A TypeScript file, which this same Node runs. */
  readonly program: URL
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Where the program writes its records. */
  readonly auditFile: string
}

/** A server that runs as a program of its own, and a client that speaks to it line by line. */
export class StdioClient {
  readonly child: ChildProcess
  readonly auditFile: string
  readonly #ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  readonly #lines: string[] = []
  #errors = ''

  constructor({ program, args = [], env = {}, auditFile }: Program) {
    this.auditFile = auditFile
    const options = { env: { PATH: process.env.PATH, ...env }, stdio: 'pipe' } as const
    const child = spawn(process.execPath, [fileURLToPath(program), ...args], options)
    this.child = child
    // A server that is gone cannot be written to. The test learns that from the reply that does not come.
    child.stdin.on('error', () => {})
    child.stderr.on('data', chunk => {
      this.#errors += chunk
    })
    createInterface({ input: child.stdout }).on('line', line => {
      this.#lines.push(line)
      child.emit('line')
    })
    this.#ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await this.#ended
    })
  }

  /** Starts `stdio-server.ts` and greets it. @param args of the program, after the name of its audit file */
  static async start(...args: string[]): Promise<StdioClient> {
    const auditFile = join(tempFolder(), 'audit.jsonl')
    const program = new URL('stdio-server.ts', import.meta.url)
    return await new StdioClient({ program, args: [auditFile, ...args], auditFile }).greet()
  }

  async greet(): Promise<this> {
    const clientInfo = { name: 'test', version: '1' }
    await this.ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
    this.write({ method: 'notifications/initialized' })
    return this
  }

  write(message: object): void {
    this.writeLine(JSON.stringify({ jsonrpc: '2.0', ...message }))
  }

  writeLine(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  /** Sends a request and waits for its reply. */
  async ask(method: string, params: object): Promise<Reply> {
    this.write({ id: method, method, params })
    return await this.replyTo(method)
  }

  /** Calls a tool whose reply is not waited for. Resolves once its handler has begun. */
  async begin(tool: string): Promise<void> {
    this.write({ id: tool, method: 'tools/call', params: { name: tool, arguments: {} } })
    await this.until(() => this.records().some(record => record.event === 'intent' && record.tool === tool))
  }

  /** Every reply so far. */
  get replies(): Reply[] {
    return this.#lines.map(line => JSON.parse(line) as Reply)
  }

  async replyTo(id: unknown): Promise<Reply> {
    return await this.#next(() => this.replies.find(reply => reply.id === id))
  }

  /** The first line that the server writes, whatever it is. */
  async line(): Promise<string> {
    return await this.#next(() => this.#lines[0])
  }

  async #next<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      const ended = await Promise.race([once(this.child, 'line'), this.#ended])
      if (!Array.isArray(ended)) throw new Error(`the server ended: ${this.#errors}`)
    }
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise(resolve => setTimeout(resolve, 10))
  }

  endInput(): void {
    this.child.stdin?.end()
  }

  /** Waits for the end of the program. */
  async end(): Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }> {
    return { ...(await this.#ended), stderr: this.#errors }
  }

  /** What is on record so far. */
  records(): AuditRecord[] {
    const lines = readFileSync(this.auditFile, 'utf8').split('\n').slice(0, -1)
    return lines.map(line => JSON.parse(line) as AuditRecord)
  }

  /** The records of the calls of one tool. */
  recordsOf(tool: string): AuditRecord[] {
    return this.records().filter(record => record.tool === tool)
  }
}
