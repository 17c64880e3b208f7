import { Agent, request as httpsRequest } from 'node:https'
import type { Message } from '../src/running-server.ts'

/** A response with the messages of its body, which is JSON or an event stream. */
export interface ProxyResponse {
  readonly status: number
  readonly session: string | undefined
  readonly messages: readonly Message[]
}

export interface ProxyRequest {
  readonly method?: 'POST' | 'GET' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Called with each message of an event stream when it arrives. */
  readonly onMessage?: (message: Message) => void
  readonly signal?: AbortSignal
}

/** An HTTPS client of the proxy, with its own source address. */
export class ProxyClient {
  readonly #agent: Agent
  readonly #port: number
  readonly #name: string

  /** @param localAddress an address in 127.0.0.0/8; on Linux all of them can be used */
  constructor(port: number, name: string, authority: string, localAddress: string) {
    this.#port = port
    this.#name = name
    this.#agent = new Agent({ keepAlive: true, ca: authority, servername: name, localAddress, maxSockets: 64 })
  }

  /** Sends one request. @throws if the connection breaks before the response is complete */
  async send({ method = 'POST', headers, body, onMessage, signal }: ProxyRequest): Promise<ProxyResponse> {
    return await new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: '127.0.0.1',
          port: this.#port,
          path: '/mcp',
          method,
          headers: { ...headers, Host: `${this.#name}:${this.#port}` },
          agent: this.#agent,
          ...(signal && { signal }),
        },
        response => {
          let text = ''
          let delivered = 0
          const isStream = String(response.headers['content-type']).startsWith('text/event-stream')
          const messages = (): Message[] => (isStream ? eventsOf(text) : text.startsWith('{') ? [JSON.parse(text)] : [])
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part
            if (!isStream || !onMessage) return
            const all = messages()
            for (const message of all.slice(delivered)) onMessage(message)
            delivered = all.length
          })
          response.once('error', reject)
          response.once('close', () => reject(new Error('the response is incomplete')))
          response.once('end', () => {
            if (!response.complete) return reject(new Error('the response is incomplete'))
            const session = response.headers['mcp-session-id']
            resolve({ status: response.statusCode ?? 0, session: session as string | undefined, messages: messages() })
          })
        },
      )
      request.setTimeout(60_000, () => request.destroy(new Error('no response within a minute')))
      request.once('error', reject)
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function eventsOf(text: string): Message[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(line => line.startsWith('data: {'))
    .map(line => JSON.parse(line.slice(6)) as Message)
}
