import { isObject, type Oddity } from '../surface.ts'
import { LIMITS, type Message, parseBounded, WireError } from './wire.ts'

interface Waiting {
  readonly resolve: (message: Message) => void
  readonly reject: (error: WireError) => void
}

export interface InReplyTo {
  readonly id: unknown
  readonly isRefused: boolean
}

/** Requests that wait for their replies, and what came that nobody waits for. */
export class Pending {
  readonly oddities: Oddity[] = []
  onAsked: (message: Message) => Message | undefined = () => undefined
  readonly #waiting = new Map<unknown, Waiting>()
  readonly #late = new Set<unknown>()
  readonly #reply: (message: Message) => void
  #failed: WireError | undefined
  #messages = 0
  #answers = 0
  #notifications = 0

  /** @param reply sends an answer to what the server asked */
  constructor(reply: (message: Message) => void) {
    this.#reply = reply
  }

  /** Resolves to the message that answers `id`; `null` stands for whatever answers nothing else. */
  wait(id: unknown, timeoutMs: number): Promise<Message> {
    if (this.#failed) return Promise.reject(this.#failed)
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(id)
      }
      const entry: Waiting = {
        resolve: message => {
          settle()
          resolve(message)
        },
        reject: error => {
          settle()
          reject(error)
        },
      }
      const timer = setTimeout(() => {
        this.#late.add(id)
        entry.reject(new WireError('timeout', `no reply in ${timeoutMs} ms`))
      }, timeoutMs)
      this.#waiting.set(id, entry)
    })
  }

  /** Nobody waits for it any longer. */
  giveUp(id: unknown, error: WireError): void {
    this.#waiting.get(id)?.reject(error)
  }

  /**
   * Takes in what the server sent, and returns it if it is JSON.
   *
   * @param inReplyTo the request that it was sent in reply to, where the transport tells; and whether that tells, too,
   *   that the request was refused
   * @throws {WireError} if the server does not stop
   */
  take(text: string, inReplyTo?: InReplyTo): unknown {
    if (text.trim() === '') return undefined
    this.#messages += 1
    if (this.#messages > LIMITS.messages) throw new WireError('too-large', 'the server sent messages without end')
    try {
      const value = parseBounded(text)
      this.#dispatch(value, inReplyTo)
      return value
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      if (error.fault === 'not-json') this.note('noise', 'it sent something that is no JSON')
      else if (error.fault === 'too-deep' || error.fault === 'too-large') {
        this.note(error.fault, error.message)
        // It may have been the reply to any of them: nobody has to wait until the time is up.
        for (const { reject } of [...this.#waiting.values()]) reject(error)
      }
      return undefined
    }
  }

  note(kind: Oddity['kind'], text: string): void {
    if (!this.oddities.some(oddity => oddity.kind === kind && oddity.text === text)) this.oddities.push({ kind, text })
  }

  /** Nothing more will come. */
  fail(error: WireError): void {
    this.#failed ??= error
    for (const { reject } of [...this.#waiting.values()]) reject(this.#failed)
  }

  #dispatch(value: unknown, inReplyTo: InReplyTo | undefined): void {
    const message = isObject(value) ? value : undefined
    // Of a request that it did not read, or not whole, a server cannot tell the id.
    const isUntold = message?.error !== undefined && (message.id ?? null) === null
    if (isUntold && inReplyTo?.isRefused) return
    const waiting = this.#waiting.get(isUntold ? inReplyTo?.id : message?.id) ?? this.#waiting.get(null)
    if (!message) this.note('noise', 'it sent something that is no message')
    else if (typeof message.method === 'string') this.#asked(message)
    else if (this.#late.delete(message.id)) return
    else if (waiting) waiting.resolve(message)
    else this.note('noise', 'it answered what nobody asked')
  }

  #asked(message: Message): void {
    const { id, method } = message
    if (id === undefined) {
      this.#notifications += 1
      if (this.#notifications > LIMITS.notifications) this.note('noise', 'it floods its client with notifications')
      return
    }
    const isId = typeof id === 'number' || (typeof id === 'string' && id.length <= 200)
    if (!isId) return
    this.#answers += 1
    if (this.#answers > LIMITS.answers) {
      this.note('asks-client', 'it asked its client for one thing after the other without end')
      return
    }
    const answer = method === 'ping' ? {} : this.onAsked(message)
    if (answer === undefined) this.note('asks-client', 'it asked its client for what this client does not offer')
    const error = { code: -32601, message: 'this client does not do that' }
    this.#reply({ jsonrpc: '2.0', id, ...(answer === undefined ? { error } : { result: answer }) })
  }
}
