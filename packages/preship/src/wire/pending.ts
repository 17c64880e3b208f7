import { isObject, type Oddity } from '../surface.ts'
import { type Message, WireError } from './wire.ts'

/** Requests that wait for their replies, and what came that nobody waits for. */
export class Pending {
  readonly oddities: Oddity[] = []
  onAsked: (message: Message) => Message | undefined = () => undefined
  readonly #waiting = new Map<unknown, { resolve: (message: Message) => void; reject: (error: WireError) => void }>()
  readonly #reply: (message: Message) => void
  #anyone: ((message: Message) => void) | undefined

  /** @param reply sends an answer to what the server asked */
  constructor(reply: (message: Message) => void) {
    this.#reply = reply
  }

  /** Resolves to the message that answers `id`; `null` stands for whatever answers nothing else. */
  wait(id: unknown, timeoutMs: number): Promise<Message> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        if (id === null) this.#anyone = undefined
        else this.#waiting.delete(id)
      }
      const timer = setTimeout(() => {
        settle()
        reject(new WireError('timeout', `no reply in ${timeoutMs} ms`))
      }, timeoutMs)
      const entry = {
        resolve: (message: Message) => {
          settle()
          resolve(message)
        },
        reject: (error: WireError) => {
          settle()
          reject(error)
        },
      }
      if (id === null) this.#anyone = entry.resolve
      else this.#waiting.set(id, entry)
    })
  }

  /** Takes in what the server sent. */
  dispatch(value: unknown): void {
    const message = isObject(value) ? value : undefined
    const waiting = this.#waiting.get(message?.id)
    if (!message) this.note('noise', 'it sent something that is no message')
    else if (typeof message.method === 'string') this.#asked(message)
    else if (waiting) waiting.resolve(message)
    else if (this.#anyone) this.#anyone(message)
    else this.note('noise', 'it answered what nobody asked')
  }

  note(kind: Oddity['kind'], text: string): void {
    if (!this.oddities.some(oddity => oddity.kind === kind && oddity.text === text)) this.oddities.push({ kind, text })
  }

  /** Nothing more will come. */
  fail(error: WireError): void {
    for (const { reject } of [...this.#waiting.values()]) reject(error)
  }

  #asked(message: Message): void {
    if (message.id === undefined) return
    const answer = this.onAsked(message)
    if (answer === undefined) this.note('asks-client', 'it asked its client for something before anybody called a tool')
    const { id } = message
    const error = { code: -32601, message: 'this client does not do that' }
    this.#reply({ jsonrpc: '2.0', id, ...(answer === undefined ? { error } : { result: answer }) })
  }
}
