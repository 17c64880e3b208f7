import { YES } from '../clients.ts'
import type { Message } from '../running-server.ts'
import { OpenRequest } from './open-request.ts'
import type { Headers, RemoteServer, Reply } from './remote-server.ts'

const ACCEPT = 'application/json, text/event-stream'
const VERSION = '2025-06-18'

/** A session of the legacy era without an SDK client. */
export class LegacySession {
  readonly server: RemoteServer
  readonly id: string
  /** The token of each request. */
  token: string
  #nextId = 100

  constructor(server: RemoteServer, token: string, id: string) {
    this.server = server
    this.token = token
    this.id = id
  }

  static async open(server: RemoteServer, token: string): Promise<LegacySession> {
    return new LegacySession(server, token, await server.openSession(token))
  }

  /** The same session, used with another token. */
  withToken(token: string): LegacySession {
    return new LegacySession(this.server, token, this.id)
  }

  headers(): Headers {
    return {
      'Content-Type': 'application/json',
      Accept: ACCEPT,
      'Mcp-Session-Id': this.id,
      'MCP-Protocol-Version': VERSION,
      Authorization: `Bearer ${this.token}`,
    }
  }

  /** Sends one message. Its reply can be a stream. */
  send(message: Message): OpenRequest {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message })
    return new OpenRequest({ port: this.server.port, method: 'POST', headers: this.headers(), body })
  }

  request(method: string, params: Message = {}): OpenRequest {
    this.#nextId += 1
    return this.send({ id: this.#nextId, method, params })
  }

  /** Calls a tool. Its reply can begin with a confirmation request. */
  call(name: string, args: unknown, meta?: Message): OpenRequest {
    return this.request('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) })
  }

  /** Answers a confirmation request. */
  answer(question: Message, answer: unknown = YES): OpenRequest {
    return this.send({ id: question.id, result: answer })
  }

  /** Opens the stream for messages that the server sends by itself. */
  listen(): OpenRequest {
    return new OpenRequest({ port: this.server.port, method: 'GET', headers: this.headers() })
  }

  async end(): Promise<Reply> {
    return await this.server.send('DELETE', '/mcp', this.headers())
  }
}

export function isQuestion({ method }: Message): boolean {
  return method === 'elicitation/create'
}

export function isReply({ method, result, error }: Message): boolean {
  return method === undefined && (result ?? error) !== undefined
}
