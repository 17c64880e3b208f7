import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RawConnection, type Reply, send } from '../../test/remote/loopback.ts'
import { initialize, type McpRequest, modernCall } from '../../test/remote/messages.ts'
import { soon } from '../../test/remote/soon.ts'

const PROGRAM = fileURLToPath(new URL('../../test/remote/serving-main.ts', import.meta.url))

/** A server in a process of its own, which is killed when the test is over. */
async function start() {
  const child: ChildProcess = spawn(process.execPath, [PROGRAM], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', text => {
    output.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    output.stderr += text
  })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  await soon(() => output.stdout).toContain('/mcp\n')
  const port = Number(/:(\d+)\/mcp\n/.exec(output.stdout)?.[1])
  const post = async ({ headers, message }: McpRequest): Promise<Reply> =>
    await send(port, { method: 'POST', path: '/mcp', headers, body: JSON.stringify(message) })
  const logged = (): Record<string, unknown>[] =>
    output.stderr
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))
  return { child, port, post, exit, output, logged }
}

type Server = Awaited<ReturnType<typeof start>>

const wasCalled = async ({ logged }: Server): Promise<void> =>
  await soon(() => logged().some(({ msg }) => msg === 'called')).toBe(true)

const ENDING = ['stopping: calls in flight may end', 'nothing is served any more', 'audit closed']

/** What it logged from its stop on. */
const endingOf = ({ logged }: Server): unknown[] => {
  const messages = logged().map(({ msg }) => msg)
  return messages.slice(messages.indexOf(ENDING[0]))
}

describe('a server process', () => {
  it(`${verifies('P7')} answers the call in flight on SIGTERM, and exits with 0, however often the signal comes`, async () => {
    const server = await start()
    const call = server.post(modernCall('readNote', 'slow'))
    await wasCalled(server)
    server.child.kill('SIGTERM')
    server.child.kill('SIGTERM')
    expect((await call).text).toContain('"structuredContent":{"text":"slow"}')
    expect(await server.exit).toBe(0)
    expect(endingOf(server)).toEqual(ENDING)
    expect(server.logged().at(-1)).toMatchObject({ events: ['intent', 'outcome'] })
    expect(server.output.stdout).toBe(`test-server listens at http://127.0.0.1:${server.port}/mcp\n`)
  })

  it('ends at once when nothing goes on, with a session and a connection open', async () => {
    const server = await start()
    await server.post(initialize())
    const idle = new RawConnection(server.port)
    idle.send('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
    await soon(() => idle.received).toContain('200 OK')
    const began = performance.now()
    server.child.kill('SIGTERM')
    expect(await server.exit).toBe(0)
    expect(performance.now() - began).toBeLessThan(5_000)
    await idle.closed
  })

  it(`${verifies('P7')} that crashes says so, lets calls in flight end, and exits with 1`, async () => {
    const server = await start()
    const calls = [server.post(modernCall('readNote', 'slow')), server.post(modernCall('readNote', 'crash'))]
    for (const { text } of await Promise.all(calls)) expect(text).toContain('structuredContent')
    expect(await server.exit).toBe(1)
    expect(endingOf(server)).toEqual(ENDING)
    expect(server.logged()).toContainEqual(
      expect.objectContaining({ level: 60, msg: 'crash', err: expect.objectContaining({ message: 'a bug' }) }),
    )
    expect(server.logged().at(-1)).toMatchObject({ events: ['intent', 'intent', 'outcome', 'outcome'] })
  })
})
