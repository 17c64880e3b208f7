import { Agent, request as httpsRequest } from 'node:https'
import type { Message } from '../src/running-server.ts'

/** What came back: a status, and the messages of the body, be it JSON or a stream that ended. */
export interface Answer {
  readonly status: number
  readonly session: string | undefined
  readonly messages: readonly Message[]
}

export interface Knock {
  readonly method?: 'POST' | 'GET' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Told of each message as it comes. */
  readonly onMessage?: (message: Message) => void
  readonly signal?: AbortSignal
}

/** The way in through the proxy, as one client has it: TLS, a name, and an address that it comes from. */
export class Door {
  readonly #agent: Agent
  readonly #port: number
  readonly #name: string

  /** @param from 127.0.0.N: Linux has all of them */
  constructor(port: number, name: string, authority: string, from: string) {
    this.#port = port
    this.#name = name
    this.#agent = new Agent({ keepAlive: true, ca: authority, servername: name, localAddress: from, maxSockets: 64 })
  }

  /** Sends one request. @throws if the connection breaks before the reply is whole */
  async knock({ method = 'POST', headers, body, onMessage, signal }: Knock): Promise<Answer> {
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
          let told = 0
          const isStream = String(response.headers['content-type']).startsWith('text/event-stream')
          const messages = (): Message[] => (isStream ? eventsOf(text) : text.startsWith('{') ? [JSON.parse(text)] : [])
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part
            if (!isStream || !onMessage) return
            const all = messages()
            for (const message of all.slice(told)) onMessage(message)
            told = all.length
          })
          response.once('error', reject)
          response.once('close', () => reject(new Error('the reply broke off')))
          response.once('end', () => {
            if (!response.complete) return reject(new Error('the reply broke off'))
            const session = response.headers['mcp-session-id']
            resolve({ status: response.statusCode ?? 0, session: session as string | undefined, messages: messages() })
          })
        },
      )
      request.setTimeout(60_000, () => request.destroy(new Error('no answer in a minute')))
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
