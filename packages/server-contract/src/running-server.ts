import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Any JSON-RPC message, as it stood on a line. */
export type Message = Record<string, unknown>

/** Which protocol era a raw connection is opened in. */
export type Era = 'legacy' | 'modern'

const MODERN = '2026-07-28'

/**
 * A server process and its wire, with no SDK between: it can send what no SDK would, and sees every byte that comes
 * back.
 */
export class RunningServer {
  readonly child: ChildProcess
  /** Every line of standard output, as it was. */
  readonly lines: string[] = []
  stderr = ''
  /** Asked by the server; only in the legacy era. */
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
   * @param at.cwd its working folder; by default this process's
   * @param at.node options of Node's own
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

  /** From here on, writes params as a client of one era does. */
  speak(era: Era, capabilities: unknown = {}): void {
    this.#era = era
    this.#capabilities = capabilities
  }

  /** Opens the connection as a client of one era does. Resolves to the server's greeting. */
  async open(era: Era, capabilities: unknown = {}): Promise<Message> {
    this.speak(era, capabilities)
    if (era === 'modern') return await this.request('server/discover', {})
    const clientInfo = { name: 'contract', version: '1.0.0' }
    const greeting = await this.request('initialize', { protocolVersion: '2025-06-18', capabilities, clientInfo })
    this.write({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return greeting
  }

  /** Params as the era wants them: the later one has an envelope in each request. */
  params(params: Message): Message {
    if (this.#era === 'legacy') return params
    const envelope = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientInfo': { name: 'contract', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': this.#capabilities,
    }
    return { ...params, _meta: { ...envelope, ...(params._meta as Message | undefined) } }
  }

  /** Sends a request and resolves to its reply, be it a result or an error. */
  async request(method: string, params: Message, id: unknown = this.#nextId++): Promise<Message> {
    const reply = this.replyTo(id)
    this.write({ jsonrpc: '2.0', id, method, params: this.params(params) })
    return await reply
  }

  /** Calls a tool with arguments of any kind. */
  async call(name: unknown, args?: unknown, extra: Message = {}): Promise<Message> {
    return await this.request('tools/call', { name, ...(args !== undefined && { arguments: args }), ...extra })
  }

  /** Resolves to the next reply with this id that nobody else waits for. */
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

  /** Sends a line as it is: it need be no message, nor text. */
  writeLine(line: string | Buffer): void {
    this.child.stdin?.write(line)
    this.child.stdin?.write('\n')
  }

  /** Ends the server's input and resolves to its exit code. */
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

/** Undefined for a line that is no message: it stays in `lines` for whoever looks. */
function parsed(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message
  } catch {
    return undefined
  }
}

/** The code of a failed call, from whichever place the protocol has for it; undefined for one that did not fail. */
export function errorCodeOf(reply: Message): string | undefined {
  const { error, result } = reply as {
    error?: { data?: { code?: string } }
    result?: { isError?: boolean; _meta?: { code?: string } }
  }
  if (error) return error.data?.code
  return result?.isError ? result._meta?.code : undefined
}
