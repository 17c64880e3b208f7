import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A connection whose bytes are sent as one likes, and read, if at all, as they come. */
export class SlowSender {
  received = ''
  isClosed = false
  readonly connected: Promise<unknown>
  readonly #socket: Socket

  /** @param reads whether what comes is taken */
  constructor(port: number, { reads = true } = {}) {
    this.#socket = connect(port, '127.0.0.1')
    this.connected = once(this.#socket, 'connect')
    this.#socket.on('error', () => {})
    this.#socket.once('close', () => {
      this.isClosed = true
    })
    if (reads) this.read()
  }

  /** From here on, takes what comes. */
  read(): void {
    this.#socket.setEncoding('latin1').on('data', (text: string) => {
      this.received += text
    })
  }

  send(text: string | Buffer): void {
    if (!this.isClosed) this.#socket.write(text)
  }

  close(): void {
    this.#socket.destroy()
  }
}
