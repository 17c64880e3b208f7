import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { waitFor } from '../attack.ts'
import type { Message } from '../running-server.ts'
import type { Headers, Reply } from './remote-server.ts'

export interface RequestOptions {
  readonly port: number
  readonly method: string
  readonly headers: Headers
  readonly body?: string
  /** Keeps connections open for other requests. By default each request has its own connection. */
  readonly agent?: Agent
  readonly path?: string
}

/** An HTTP request whose reply can be read while it arrives, and that can be aborted. */
export class OpenRequest {
  readonly #request: ClientRequest
  #response: IncomingMessage | undefined
  #text = ''
  /** Whether the reply is complete or the connection is closed. */
  ended = false
  /** The error of the connection, if there was one. */
  fault: Error | undefined

  constructor({ port, method, headers, body, agent, path = '/mcp' }: RequestOptions) {
    const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined)
    this.#request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers: Object.fromEntries(given), agent: agent ?? false },
      response => {
        this.#response = response
        response.setEncoding('utf8').on('data', (text: string) => {
          this.#text += text
        })
        response.once('end', () => {
          this.ended = true
        })
        response.once('error', error => this.#break(error))
      },
    )
    this.#request.once('error', error => this.#break(error))
    this.#request.end(body)
  }

  #break(error: Error): void {
    this.fault ??= error
    this.ended = true
  }

  get status(): number | undefined {
    return this.#response?.statusCode
  }

  /** Resolves to the status of the reply when its headers are there. @throws if the connection fails before */
  async head(): Promise<number> {
    await waitFor(() => this.status !== undefined || this.ended)
    if (this.status === undefined) throw this.fault ?? new Error('there is no reply')
    return this.status
  }

  /** Resolves to the complete reply. @throws if the connection fails before */
  async reply(): Promise<Reply> {
    await waitFor(() => this.ended)
    if (this.fault || !this.#response) throw this.fault ?? new Error('the reply is not complete')
    return { status: this.#response.statusCode ?? 0, headers: this.#response.headers, text: this.#text }
  }

  /** All messages that have arrived, of a stream or of a JSON reply. */
  messages(): Message[] {
    if (!String(this.#response?.headers['content-type']).startsWith('text/event-stream'))
      return this.ended && this.#text !== '' ? [JSON.parse(this.#text) as Message] : []
    return this.#text
      .split('\n')
      .slice(0, -1)
      .filter(line => line.startsWith('data: {'))
      .map(line => JSON.parse(line.slice(6)) as Message)
  }

  /** Resolves to the first message that matches. @throws if the reply ends without one */
  async message(fits: (message: Message) => boolean): Promise<Message> {
    await waitFor(() => this.ended || this.messages().some(fits))
    const found = this.messages().find(fits)
    if (!found) throw new Error(`no such message: ${this.status} ${this.#text.slice(0, 500)} ${this.fault ?? ''}`)
    return found
  }

  /** Closes the connection. */
  async abort(): Promise<void> {
    if (this.#request.closed) return
    const closed = new Promise(resolve => this.#request.once('close', resolve))
    this.#request.destroy()
    await closed
  }
}
