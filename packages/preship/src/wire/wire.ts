import type { Oddity } from '../surface.ts'

export type Message = Readonly<Record<string, unknown>>

/** A connection to a server that may do anything at all. Everything that comes from it is bounded in size and time. */
export interface Wire {
  /** Sends a request and resolves to the reply with its id. @throws {WireError} */
  request(message: Message & { readonly id: number | string }, timeoutMs: number): Promise<Message>
  notify(message: Message): Promise<void>
  /** Sends bytes that need be no message. Resolves to what came back for them, if anything did. @throws {WireError} */
  raw(text: string, timeoutMs: number): Promise<Message | undefined>
  /** Answers what the server asks of its client; undefined: it is told that there is no such method. */
  onAsked: (message: Message) => Message | undefined
  readonly oddities: readonly Oddity[]
  /** What a local server wrote on standard error: its last part. */
  readonly stderr: string
  /** Whatever waits for a reply, now or later, gets this error instead; a local server is ended at once. */
  abort(error: WireError): void
  /** Resolves when nothing of it is left: no process, no socket. */
  close(): Promise<void>
}

export type WireFault = 'timeout' | 'closed' | 'too-large' | 'too-deep' | 'not-json' | 'http'

/** Nothing usable came back; the message is of our words. */
export class WireError extends Error {
  override name = 'WireError'
  readonly fault: WireFault
  /** Of an HTTP reply. */
  readonly status: number | undefined
  readonly headers: Headers | undefined

  constructor(fault: WireFault, message: string, http: { status?: number; headers?: Headers } = {}) {
    super(message)
    this.fault = fault
    this.status = http.status
    this.headers = http.headers
  }
}

/** What is taken from a server at most. */
export const LIMITS = {
  /** Of one message. */
  messageBytes: 8 * 1024 * 1024,
  /** Of everything that one connection brings. */
  totalBytes: 96 * 1024 * 1024,
  /** Messages that one connection brings, asked for or not. */
  messages: 100_000,
  /** Of these, what nobody asked for before it is worth a remark. */
  notifications: 1_000,
  /** Levels of objects and lists within each other. */
  depth: 200,
  /** Values in one message: small ones take many times more memory than text. */
  values: 250_000,
  pages: 50,
  tools: 1_000,
  /** Of a whole list of tools, over all its pages. */
  listCharacters: 4 * 1024 * 1024,
  /** Questions of the server's to its client that get an answer at all. */
  answers: 200,
  stderrCharacters: 64 * 1024,
}

/**
 * Reads JSON whose nesting and number of values are bounded: what walks through it later may do so recursively.
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
      if (depth > LIMITS.depth) throw new WireError('too-deep', `a message nests deeper than ${LIMITS.depth} levels`)
    } else if (character === 93 || character === 125) depth -= 1
    if (values > LIMITS.values) throw new WireError('too-large', `a message holds more than ${LIMITS.values} values`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new WireError('not-json', 'a message is not JSON')
  }
}
