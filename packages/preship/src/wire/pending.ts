import { type Anomaly, isObject } from '../surface.ts'
import { LIMITS, type Message, parseBounded, WireError } from './wire.ts'

interface Waiting {
  readonly resolve: (message: Message) => void
  readonly reject: (error: WireError) => void
}

export interface InReplyTo {
  readonly id: unknown
  readonly isRefused: boolean
}

/** Matches replies to pending requests, and records unexpected messages. */
export class Pending {
  readonly anomalies: Anomaly[] = []
  onAsked: (message: Message) => Message | undefined = () => undefined
  readonly #waiting = new Map<unknown, Waiting>()
  readonly #late = new Set<unknown>()
  readonly #reply: (message: Message) => void
  #failed: WireError | undefined
  #messages = 0
  #answers = 0
  #notifications = 0

  /** @param reply sends the answer to a request of the server */
  constructor(reply: (message: Message) => void) {
    this.#reply = reply
  }

  /** Resolves to the reply with this id. `null` waits for any message that matches no other request. */
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

  /** Rejects a pending request. */
  giveUp(id: unknown, error: WireError): void {
    this.#waiting.get(id)?.reject(error)
  }

  /**
   * Processes a message from the server, and returns it if it is JSON.
   *
   * @param inReplyTo the request that the transport links it to, and whether the transport reports that request as
   *   refused
   * @throws {WireError} if the server floods the connection
   */
  take(text: string, inReplyTo?: InReplyTo): unknown {
    if (text.trim() === '') return undefined
    this.#messages += 1
    if (this.#messages > LIMITS.messages)
      throw new WireError('too-large', `the server sent more than ${LIMITS.messages} messages`)
    try {
      const value = parseBounded(text)
      this.#dispatch(value, inReplyTo)
      return value
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      if (error.fault === 'not-json') this.note('noise', 'it sent a line that is not JSON')
      else if (error.fault === 'too-deep' || error.fault === 'too-large') {
        this.note(error.fault, error.message)
        // It may have been the reply to any pending request, so all of them fail now instead of timing out.
        for (const { reject } of [...this.#waiting.values()]) reject(error)
      }
      return undefined
    }
  }

  note(kind: Anomaly['kind'], text: string): void {
    if (!this.anomalies.some(anomaly => anomaly.kind === kind && anomaly.text === text))
      this.anomalies.push({ kind, text })
  }

  /** Rejects all pending and all further requests. */
  fail(error: WireError): void {
    this.#failed ??= error
    for (const { reject } of [...this.#waiting.values()]) reject(this.#failed)
  }

  #dispatch(value: unknown, inReplyTo: InReplyTo | undefined): void {
    const message = isObject(value) ? value : undefined
    // A server cannot know the id of a request that it could not parse.
    const isErrorWithoutId = message?.error !== undefined && (message.id ?? null) === null
    if (isErrorWithoutId && inReplyTo?.isRefused) return
    const waiting = this.#waiting.get(isErrorWithoutId ? inReplyTo?.id : message?.id) ?? this.#waiting.get(null)
    if (!message) this.note('noise', 'it sent JSON that is not a message')
    else if (typeof message.method === 'string') this.#answer(message)
    else if (this.#late.delete(message.id)) return
    else if (waiting) waiting.resolve(message)
    else this.note('noise', 'it sent an unsolicited response')
  }

  #answer(message: Message): void {
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
      this.note('asks-client', `it sent more than ${LIMITS.answers} requests to the client`)
      return
    }
    const answer = method === 'ping' ? {} : this.onAsked(message)
    if (answer === undefined) this.note('asks-client', 'it requested something that this client does not support')
    const error = { code: -32601, message: 'method not found' }
    this.#reply({ jsonrpc: '2.0', id, ...(answer === undefined ? { error } : { result: answer }) })
  }
}
