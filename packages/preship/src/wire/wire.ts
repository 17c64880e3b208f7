import type { Anomaly } from '../surface.ts'

export type Message = Readonly<Record<string, unknown>>

/** A connection to a server that may be hostile. Everything that it sends is limited in size and time. */
export interface Wire {
  /** Sends a request, and resolves to the reply with its id. @throws {WireError} */
  request(message: Message & { readonly id: number | string }, timeoutMs: number): Promise<Message>
  notify(message: Message): Promise<void>
  /** Sends a text that need not be a valid message, and resolves to the reply, if any. @throws {WireError} */
  raw(text: string, timeoutMs: number): Promise<Message | undefined>
  /** Answers a request of the server. For undefined, the server gets the error “method not found”. */
  onAsked: (message: Message) => Message | undefined
  readonly anomalies: readonly Anomaly[]
  /** The last part of what a local server wrote to standard error. */
  readonly stderr: string
  /** Fails all pending and further requests with this error, and kills a local server. */
  abort(error: WireError): void
  /** Closes the connection. Resolves when no process and no socket is left. */
  close(): Promise<void>
}

export type WireFault = 'timeout' | 'closed' | 'too-large' | 'too-deep' | 'not-json' | 'http'

/** No usable reply was received. The message contains no server text. */
export class WireError extends Error {
  override name = 'WireError'
  readonly fault: WireFault
  /** The status of an HTTP reply. */
  readonly status: number | undefined
  readonly headers: Headers | undefined

  constructor(fault: WireFault, message: string, http: { status?: number; headers?: Headers } = {}) {
    super(message)
    this.fault = fault
    this.status = http.status
    this.headers = http.headers
  }
}

/** Limits for what is read from a server. */
export const LIMITS = {
  /** Bytes of one message. */
  messageBytes: 8 * 1024 * 1024,
  /** Bytes of all messages of one connection. */
  totalBytes: 96 * 1024 * 1024,
  /** Messages of one connection. */
  messages: 100_000,
  /** Notifications of one connection before they are reported as a flood. */
  notifications: 1_000,
  /** Nested objects and arrays in one message. */
  depth: 200,
  /** Values in one message. Small values take many times more memory than their text. */
  values: 250_000,
  pages: 50,
  tools: 1_000,
  /** Characters of a tool list over all pages. */
  listCharacters: 4 * 1024 * 1024,
  /** Requests of the server to the client that are answered. */
  answers: 200,
  stderrCharacters: 64 * 1024,
}

/**
 * Parses JSON with limits for depth and number of values, so that later code may process it recursively.
 *
 * @throws {WireError} `too-deep`, `too-large` or `not-json`
 */
export function parseBounded(text: string): unknown {
  let depth = 0
  let values = 1
  let inString = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at)
    if (inString) {
      if (character === 92) at += 1
      else if (character === 34) inString = false
    } else if (character === 34) inString = true
    else if (character === 44) values += 1
    else if (character === 91 || character === 123) {
      depth += 1
      values += 1
      if (depth > LIMITS.depth)
        throw new WireError('too-deep', `a message is nested deeper than ${LIMITS.depth} levels`)
    } else if (character === 93 || character === 125) depth -= 1
    if (values > LIMITS.values) throw new WireError('too-large', `a message contains more than ${LIMITS.values} values`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new WireError('not-json', 'a message is not JSON')
  }
}
