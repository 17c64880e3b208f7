import { hostname, userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { StdioClient } from '../../test/stdio/stdio-client.ts'

/** After this the SDK’s client, which has ended the input of its server, sends SIGTERM; after twice this, SIGKILL. */
const CLIENT_PATIENCE_MS = 2_000

/** Ends the input of a server as the SDK’s client does. */
async function leave(client: StdioClient): Promise<void> {
  client.endInput()
  const ended = client.end()
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await Promise.race([ended, sleep(CLIENT_PATIENCE_MS)])
    if (client.child.exitCode === null) client.child.kill(signal)
  }
  await ended
}

/** How many milliseconds pass from the end of the input to the end of the process while this tool is being called. */
async function millisecondsToEnd(tool: string): Promise<number> {
  const client = await StdioClient.start()
  await client.begin(tool)
  client.endInput()
  const { stderr } = await client.end()
  return Number(/ended after (\d+) ms/.exec(stderr)?.[1])
}

describe('a client over stdio', () => {
  it(`${verifies('P7')} is served, and each of its calls is on record with the user who runs the server`, async () => {
    const client = await StdioClient.start()
    expect(client.replies[0]?.result).toMatchObject({ serverInfo: { name: 'stdio-server', version: '1.2.3' } })
    const reply = await client.ask('tools/call', { name: 'answer', arguments: {} })
    expect(reply.result).toMatchObject({ structuredContent: { said: 'answered' } })
    client.endInput()
    expect(await client.end()).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('serves one client over stdio'),
    })
    expect(client.records().map(({ event }) => event)).toEqual(['start', 'intent', 'outcome', 'stop'])
    const id = `${process.getuid?.() ?? 'user'}:${userInfo().username}`
    for (const { caller } of client.recordsOf('answer'))
      expect(caller).toMatchObject({ kind: 'os', id, host: hostname(), client: { name: 'test', version: '1' } })
  })

  it(`${verifies('P7')} is on record without a name if its user has none`, async () => {
    const client = await StdioClient.start('nameless')
    await client.ask('tools/call', { name: 'answer', arguments: {} })
    client.endInput()
    await client.end()
    const id = String(process.getuid?.() ?? 'user')
    for (const { caller } of client.recordsOf('answer'))
      expect(caller).toMatchObject({ kind: 'os', id, host: hostname() })
    expect(client.recordsOf('answer')).toHaveLength(2)
  })

  it(`${verifies('P7')} is told of a line that is not a message, which is on record`, async () => {
    const client = await StdioClient.start()
    client.writeLine('{')
    client.writeLine('{"jsonrpc":"1.0","id":7,"method":"tools/call","params":{"name":"answer"}}')
    expect((await client.replyTo(7)).error).toMatchObject({ message: expect.stringContaining('not a valid message') })
    const broken = client.replies.find(({ id }) => id === null || id === undefined)
    expect(broken?.error?.message).toContain('not JSON')
    client.endInput()
    await client.end()
    const denied = client.records().filter(({ event }) => event === 'denied')
    expect(denied.map(({ tool, error }) => [tool, error?.code])).toEqual([
      [undefined, 'INVALID_INPUT'],
      ['answer', 'INVALID_INPUT'],
    ])
  })
})

describe('the end of the input', () => {
  it(`${verifies('P7')} lets a call in flight end, and its reply go out`, async () => {
    const client = await StdioClient.start()
    await client.begin('slow')
    client.endInput()
    expect(await client.end()).toMatchObject({ code: 0 })
    expect(client.replies.at(-1)).toMatchObject({ id: 'slow', result: { structuredContent: { said: 'slow' } } })
    expect(client.recordsOf('slow').map(({ event, error }) => [event, error])).toEqual([
      ['intent', undefined],
      ['outcome', undefined],
    ])
  })

  it.each([
    ['stall', 'the connection ended while the call ran'],
    ['windDown', 'The server failed. Its operator finds the cause in its log.'],
  ])(
    `${verifies('P7')} puts a call that does not end on record as cancelled before the client kills the server: %s`,
    async (tool, message) => {
      const client = await StdioClient.start()
      await client.begin(tool)
      await leave(client)
      expect(client.child).toMatchObject({ exitCode: 0, signalCode: null })
      const [intent, outcome, ...more] = client.recordsOf(tool)
      expect(intent?.event).toBe('intent')
      expect(outcome).toMatchObject({ event: 'outcome', error: { code: 'CANCELLED', message } })
      expect(more).toEqual([])
      expect(client.records().at(-1)?.event).toBe('stop')
    },
  )

  it(`${verifies('P7')} ends the process in less than two seconds, whatever is in flight`, async () => {
    const measured: number[] = []
    // A machine that is busy with other work can be late at any one attempt, and hardly at all of them.
    while (measured.length < 5 && !measured.some(ms => ms < CLIENT_PATIENCE_MS))
      measured.push(await millisecondsToEnd('stall'))
    expect(Math.min(...measured)).toBeLessThan(CLIENT_PATIENCE_MS)
    // It did wait for the call.
    expect(Math.min(...measured)).toBeGreaterThan(1_000)
  })
})

describe('a signal', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    `${verifies('P7')} %s aborts the calls in flight, waits for them, and ends the process with status 0`,
    async signal => {
      const client = await StdioClient.start()
      await client.begin('windDown')
      await client.begin('stall')
      client.child.kill(signal)
      expect(await client.end()).toMatchObject({ code: 0, signal: null })
      for (const [tool, message] of [
        ['windDown', 'The server failed. Its operator finds the cause in its log.'],
        ['stall', 'the connection ended while the call ran'],
      ] as const)
        expect(client.recordsOf(tool)[1]).toMatchObject({ event: 'outcome', error: { code: 'CANCELLED', message } })
      expect(client.records().at(-1)?.event).toBe('stop')
    },
  )
})

describe('a crash', () => {
  it(`${verifies('P7')} is told to the operator and ends the process with status 1, with every call on record`, async () => {
    const client = await StdioClient.start()
    await client.begin('crash')
    const { code, stderr } = await client.end()
    expect(code).toBe(1)
    expect(stderr).toContain('"msg":"crash"')
    expect(stderr).toContain('a bug')
    expect(client.recordsOf('crash')[1]).toMatchObject({ event: 'outcome', error: { code: 'CANCELLED' } })
    expect(client.records().at(-1)?.event).toBe('stop')
  })
})
