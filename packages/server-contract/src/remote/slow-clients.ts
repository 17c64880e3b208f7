import { modernBytes } from './modern-message.ts'
import { SlowSender } from './slow-sender.ts'

const DRIP_MS = 500

/** Clients that send or read slowly, each in another way. */
export class SlowClients {
  /** The number of clients. */
  static readonly COUNT = 6
  readonly #clients: Readonly<Record<string, SlowSender>>
  readonly #unread: SlowSender
  readonly #dripping: NodeJS.Timeout

  private constructor(clients: Readonly<Record<string, SlowSender>>, unread: SlowSender, dripping: NodeJS.Timeout) {
    this.#clients = clients
    this.#unread = unread
    this.#dripping = dripping
  }

  /** @param unreadReplies the number of requests of the client that does not read */
  static async open(port: number, token: string, unreadReplies: number): Promise<SlowClients> {
    const { lines, body } = modernBytes(token, 'tools/list')
    const start = `POST /mcp HTTP/1.1\r\n`
    const sending = (text: string, reads = true): SlowSender => {
      const sender = new SlowSender(port, { reads })
      sender.send(text)
      return sender
    }
    const clients = {
      'sends nothing': sending(''),
      'sends half of its headers': sending(`${start}Host: 127.0.0.1\r\n`),
      'sends half of its body': sending(`${start}${lines}\r\n${body.slice(0, 10)}`),
      'sends its headers slowly': sending(start),
      'sends its body slowly': sending(`${start}${lines}\r\n`),
      'does not read': sending(`${start}${lines}\r\n${body}`.repeat(unreadReplies), false),
    }
    let sent = 0
    const dripping = setInterval(() => {
      clients['sends its headers slowly'].send(`X-${sent}: ${sent}\r\n`)
      clients['sends its body slowly'].send(body[sent] ?? '')
      sent += 1
    }, DRIP_MS)
    await Promise.all(Object.values(clients).map(({ connected }) => connected))
    return new SlowClients(clients, clients['does not read'], dripping)
  }

  /** The clients whose connections are open, as far as they know. A client that does not read does not notice the end. */
  get connected(): string[] {
    return Object.entries(this.#clients).flatMap(([name, { isClosed }]) => (isClosed ? [] : [name]))
  }

  /** Lets the client that does not read start to read. Returns a function that counts its replies. */
  startReading(): () => number {
    this.#unread.read()
    return () => this.#unread.received.split('HTTP/1.1 200').length - 1
  }

  close(): void {
    clearInterval(this.#dripping)
    for (const client of Object.values(this.#clients)) client.close()
  }
}
