import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A parsed JSON-RPC message. */
export type Message = Record<string, unknown>

/** `legacy`: the 2025 revisions, opened with `initialize`. `modern`: revision 2026-07-28. */
export type Era = 'legacy' | 'modern'

const MODERN = '2026-07-28'

/**
 * A server process over stdio, without an SDK client. It can send bytes that no SDK would send, and it records every
 * line that the server writes.
 */
export class RunningServer {
  readonly child: ChildProcess
  /** Every line of standard output. */
  readonly lines: string[] = []
  stderr = ''
  /** Called with each request of the server; its result is the reply. The server sends requests in the legacy era only. */
  onRequest: (message: Message) => unknown = () => undefined
  readonly #exit: Promise<number | null>
  readonly #waiting = new Map<string, (message: Message) => void>()
  readonly #unclaimed: Message[] = []
  #rest = ''
  #nextId = 1000
  #era: Era = 'legacy'
  #capabilities: unknown = {}

  /**
   * @param entry the path of a built `main.mjs`
   * @param options.cwd the working directory of the process; the default is that of this process
   * @param options.node command-line options for Node.js
   */
  constructor(
    entry: string,
    env: Record<string, string>,
    args: string[] = [],
    { cwd, node = [] }: { cwd?: string | undefined; node?: readonly string[] | undefined } = {},
  ) {
    this.child = spawn(process.execPath, [...node, entry, ...args], {
      cwd,
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.child.stdin?.on('error', () => {})
    this.#exit = once(this.child, 'close').then(([code]) => code as number | null)
  }

  /** Sets the era of all requests from now on. */
  speak(era: Era, capabilities: unknown = {}): void {
    this.#era = era
    this.#capabilities = capabilities
  }

  /** Opens the connection as a client of one era does. Resolves to the reply to the first request. */
  async open(era: Era, capabilities: unknown = {}): Promise<Message> {
    this.speak(era, capabilities)
    if (era === 'modern') return await this.request('server/discover', {})
    const clientInfo = { name: 'contract', version: '1.0.0' }
    const greeting = await this.request('initialize', { protocolVersion: '2025-06-18', capabilities, clientInfo })
    this.write({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return greeting
  }

  /** Adds what the era requires: in the modern era, each request carries the version, the client and its capabilities. */
  params(params: Message): Message {
    if (this.#era === 'legacy') return params
    const envelope = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientInfo': { name: 'contract', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': this.#capabilities,
    }
    return { ...params, _meta: { ...envelope, ...(params._meta as Message | undefined) } }
  }

  /** Sends a request and resolves to its reply, which may be an error. */
  async request(method: string, params: Message, id: unknown = this.#nextId++): Promise<Message> {
    const reply = this.replyTo(id)
    this.write({ jsonrpc: '2.0', id, method, params: this.params(params) })
    return await reply
  }

  /** Calls a tool. The arguments may be of any type. */
  async call(name: unknown, args?: unknown, extra: Message = {}): Promise<Message> {
    return await this.request('tools/call', { name, ...(args !== undefined && { arguments: args }), ...extra })
  }

  /** Resolves to the next reply with this id. @throws if none comes in time */
  async replyTo(id: unknown, timeoutMs = 30_000): Promise<Message> {
    const early = this.#unclaimed.findIndex(message => message.id === id)
    if (early !== -1) return this.#unclaimed.splice(early, 1)[0] ?? {}
    const key = JSON.stringify(id)
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no reply to ${key}; stderr: ${this.stderr}`)), timeoutMs)
      this.#waiting.set(key, message => {
        clearTimeout(timer)
        this.#waiting.delete(key)
        resolve(message)
      })
    })
  }

  write(message: unknown): void {
    this.writeLine(JSON.stringify(message))
  }

  /** Sends a line of any bytes. */
  writeLine(line: string | Buffer): void {
    this.child.stdin?.write(line)
    this.child.stdin?.write('\n')
  }

  /** Closes the standard input of the server and resolves to its exit code. */
  async end(): Promise<number | null> {
    this.child.stdin?.end()
    return await this.#exit
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal)
    return await this.#exit
  }

  get exited(): Promise<number | null> {
    return this.#exit
  }

  #read(text: string): void {
    const parts = (this.#rest + text).split('\n')
    this.#rest = parts.pop() ?? ''
    for (const line of parts) {
      this.lines.push(line)
      const message = parsed(line)
      if (message) this.#dispatch(message)
    }
  }

  #dispatch(message: Message): void {
    if (message.method !== undefined) {
      if (message.id === undefined) return
      const { id } = message
      void Promise.resolve(this.onRequest(message)).then(result => {
        if (result !== undefined) this.write({ jsonrpc: '2.0', id, result })
      })
      return
    }
    const waiting = this.#waiting.get(JSON.stringify(message.id))
    if (waiting) waiting(message)
    else this.#unclaimed.push(message)
  }
}

/** Undefined for a line that is not JSON, which the tests find in `lines`. */
function parsed(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message
  } catch {
    return undefined
  }
}

/** The error code of a failed call: of a JSON-RPC error or of a tool result. Undefined for a call that succeeded. */
export function errorCodeOf(reply: Message): string | undefined {
  const { error, result } = reply as {
    error?: { data?: { code?: string } }
    result?: { isError?: boolean; _meta?: { code?: string } }
  }
  if (error) return error.data?.code
  return result?.isError ? result._meta?.code : undefined
}
