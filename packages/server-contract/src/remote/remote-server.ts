import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import type { Message } from '../running-server.ts'

const MODERN = '2026-07-28'
const CLIENT = { name: 'contract', version: '1.0.0' }
const ACCEPT = 'application/json, text/event-stream'

/** An HTTP reply. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** HTTP headers. A list of values is sent as one header line for each value. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** A request of the modern era, without a token. */
export function asModern(
  method: string,
  params: Message = {},
): { headers: Readonly<Record<string, string>>; body: string } {
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': CLIENT,
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
  }
  const _meta = { ...envelope, ...(params._meta as Message | undefined) }
  return {
    headers: {
      'Content-Type': 'application/json',
      Accept: ACCEPT,
      'MCP-Protocol-Version': MODERN,
      'Mcp-Method': method,
      ...(typeof params.name === 'string' && { 'Mcp-Name': params.name }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }),
  }
}

/** A server process over HTTP, without an SDK client. */
export class RemoteServer {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  /** Every reply, with its headers. */
  readonly replies: string[] = []
  #port = 0
  readonly #exit: Promise<number | null>

  /** @param entry the path of a built `main.mjs` */
  constructor(entry: string, env: Record<string, string>, args: readonly string[] = ['--port', '0']) {
    this.child = spawn(process.execPath, [entry, 'http', ...args], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.#exit = once(this.child, 'close').then(([code]) => code as number | null)
  }

  /** Resolves when the server listens. @throws if it exits before */
  async listening(): Promise<void> {
    while (!/ listens at \S+\n/.test(this.stdout)) {
      const ended = await Promise.race([this.#exit.then(() => true), new Promise(resolve => setTimeout(resolve, 10))])
      if (ended) throw new Error(`the server exited: ${this.stderr}`)
    }
    this.#port = Number(/:(\d+)\/mcp\n/.exec(this.stdout)?.[1])
  }

  get port(): number {
    return this.#port
  }

  get exited(): Promise<number | null> {
    return this.#exit
  }

  /** The URL of the endpoint on this machine. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`
  }

  /** Sends a request. Adds only the headers that HTTP requires. */
  async send(method: string, path: string, headers: Headers = {}, body?: string | Buffer): Promise<Reply> {
    return await new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port: this.#port, method, path, headers: this.#lines(headers, body), agent: false },
        response => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          const end = (): void => {
            const text = Buffer.concat(chunks).toString('utf8')
            this.replies.push(`${JSON.stringify(response.rawHeaders)} ${text}`)
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
          }
          response.once('end', end).once('error', reject)
        },
      )
      request.once('error', reject)
      request.end(body)
    })
  }

  /**
   * Sends bytes. Resolves to the reply when the connection is closed. A chunked body is not decoded.
   *
   * @param patienceMs closes the connection after this time
   */
  async raw(bytes: string | Buffer, patienceMs = 20_000): Promise<Reply> {
    const socket = connect(this.#port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // The server can close the connection before it has read everything. Its reply before that counts.
    socket.on('error', () => {})
    socket.write(bytes)
    const timer = setTimeout(() => socket.destroy(), patienceMs)
    await new Promise(resolve => socket.once('close', resolve))
    clearTimeout(timer)
    const whole = Buffer.concat(chunks).toString('utf8')
    this.replies.push(whole)
    const [head = '', ...rest] = whole.split('\r\n\r\n')
    const [first = '', ...lines] = head.split('\r\n')
    const headers = Object.fromEntries(
      lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    )
    return { status: Number(first.split(' ')[1] ?? 0), headers, text: rest.join('\r\n\r\n') }
  }

  /** Sends a request of the modern era. */
  async modern(token: string | undefined, method: string, params: Message = {}, more: Headers = {}): Promise<Reply> {
    const { headers, body } = asModern(method, params)
    const authorization = token !== undefined && { Authorization: `Bearer ${token}` }
    return await this.send('POST', '/mcp', { ...headers, ...authorization, ...more }, body)
  }

  /** Calls a tool in the modern era. */
  async call(token: string | undefined, name: string, args: unknown, extra: Message = {}): Promise<Reply> {
    return await this.modern(token, 'tools/call', { name, arguments: args, ...extra })
  }

  /** Sends a message of the legacy era. */
  async legacy(token: string | undefined, session: string | undefined, message: Message): Promise<Reply> {
    const headers = {
      'Content-Type': 'application/json',
      Accept: ACCEPT,
      ...(session !== undefined && { 'Mcp-Session-Id': session }),
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    }
    return await this.send('POST', '/mcp', headers, JSON.stringify({ jsonrpc: '2.0', ...message }))
  }

  /** Opens a session of the legacy era. Resolves to its id. */
  async openSession(token: string | undefined, capabilities: Message = { elicitation: {} }): Promise<string> {
    const params = { protocolVersion: '2025-06-18', capabilities, clientInfo: CLIENT }
    const { headers } = await this.legacy(token, undefined, { id: 0, method: 'initialize', params })
    const session = String(headers['mcp-session-id'])
    await this.legacy(token, session, { method: 'notifications/initialized' })
    return session
  }

  /** The headers in the form name, value, name, value. */
  #lines(headers: Headers, body: string | Buffer | undefined): string[] {
    const given = new Set(Object.keys(headers).map(name => name.toLowerCase()))
    const needed = {
      ...(!given.has('host') && { Host: `127.0.0.1:${this.#port}` }),
      ...(body !== undefined && !given.has('content-length') && { 'Content-Length': String(Buffer.byteLength(body)) }),
      Connection: 'close',
    }
    return Object.entries({ ...needed, ...headers }).flatMap(([name, values]) =>
      [values ?? []].flat().flatMap(value => [name, value]),
    )
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal)
    return await this.#exit
  }
}

/** The JSON-RPC message of a JSON reply, or the last one of a stream. */
export function messageOf({ headers, text }: Reply): Message {
  if (!String(headers['content-type']).startsWith('text/event-stream')) return JSON.parse(text) as Message
  const data = text.split('\n').findLast(line => line.startsWith('data: ') && line.length > 6)
  return JSON.parse(data?.slice(6) ?? '{}') as Message
}
