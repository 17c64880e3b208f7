import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A TCP connection that sends pieces of a request and reads the reply, or does not read at all. */
export class SlowSender {
  received = ''
  isClosed = false
  readonly connected: Promise<unknown>
  readonly #socket: Socket

  /** @param options.reads whether it reads from the start */
  constructor(port: number, { reads = true } = {}) {
    this.#socket = connect(port, '127.0.0.1')
    this.connected = once(this.#socket, 'connect')
    this.#socket.on('error', () => {})
    this.#socket.once('close', () => {
      this.isClosed = true
    })
    if (reads) this.read()
  }

  /** Starts reading. */
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
