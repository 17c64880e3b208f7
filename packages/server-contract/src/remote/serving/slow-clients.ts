import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { outputOf } from '../../human.ts'
import { modernBytes } from '../modern-message.ts'
import { messageOf } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { SlowSender } from '../slow-sender.ts'

/** What is slow is dropped after thirty seconds, and some for a busy machine. */
const DROPPED_MS = 36_000
const PIPELINED = 8_000

/**
 * Clients that are slow or deaf. They begin before everything else and are looked at when all the rest is done, since
 * it takes its time until they are dropped.
 */
export function describeSlowClients(world: RemoteWorld): { describeTheirEnd(): void } {
  const [read] = world.subject.tools.filter(({ effect }) => effect === 'read')
  const slow: Record<string, SlowSender> = {}
  let remote: Remote
  let token: string
  let deaf: SlowSender
  let dripping: NodeJS.Timeout
  let began: number

  beforeAll(async () => {
    token = await world.token(scopesOf(world.subject).join(' '))
    remote = await world.serve()
    const { port } = remote.server
    const { lines, body } = modernBytes(token, 'tools/list')
    const opened = (name: string, text: string): SlowSender => {
      const sender = new SlowSender(port)
      sender.send(text)
      slow[name] = sender
      return sender
    }
    opened('one that says nothing', '')
    opened('half a head', 'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n')
    opened('half a body', `POST /mcp HTTP/1.1\r\n${lines}\r\n${body.slice(0, 10)}`)
    const drips = opened('a head letter by letter', 'POST /mcp HTTP/1.1\r\n')
    const bodyDrips = opened('a body letter by letter', `POST /mcp HTTP/1.1\r\n${lines}\r\n`)
    let sent = 0
    dripping = setInterval(() => {
      drips.send(`X-${sent}: ${sent}\r\n`)
      bodyDrips.send(body[sent] ?? '')
      sent += 1
    }, 500)
    // It asks for more than any buffer takes, and reads none of it.
    deaf = new SlowSender(port, { reads: false })
    await deaf.connected
    deaf.send(`POST /mcp HTTP/1.1\r\n${lines}\r\n${body}`.repeat(PIPELINED))
    began = performance.now()
  })
  afterAll(async () => {
    clearInterval(dripping)
    for (const sender of [...Object.values(slow), deaf]) sender.close()
    await remote.server.kill('SIGTERM')
  })

  return {
    describeTheirEnd() {
      it(`${verifies('P16')} a client that is slow, or deaf, is dropped, and others are served`, async () => {
        if (read)
          expect(outputOf(messageOf(await remote.server.call(token, read.name, world.valid(read))))).toBeDefined()
        await pause(Math.max(0, DROPPED_MS - (performance.now() - began)))
        const open = Object.entries(slow).filter(([, { isClosed }]) => !isClosed)
        expect(open.map(([name]) => name)).toEqual([])
        // Only who reads learns that there is nobody any more.
        deaf.read()
        await expect.poll(() => deaf.isClosed, { timeout: 5_000 }).toBe(true)
        expect(deaf.received.split('HTTP/1.1 200').length).toBeLessThan(PIPELINED)
      })
    },
  }
}
