import { pino } from 'pino'
import { onTestFinished, vi } from 'vitest'
import type { ServerOptions } from '#call/registration'
import { type HttpOptions, serveHttp } from '../../src/remote/serve-http.ts'
import { type Reply, send } from './loopback.ts'
import type { McpRequest } from './messages.ts'
import { type Backend, testServer } from './tools.ts'

type Listener = (argument?: unknown) => void

/**
 * Serves in this process, in place of one of its own: what `serveHttp` would do to its process is recorded. The server
 * is stopped when the test is over.
 */
export async function serveInProcess(
  http: Partial<HttpOptions> = {},
  confirmations?: ServerOptions<Backend>['confirmations'],
) {
  const world = testServer()
  const listeners = new Map<string, Listener>()
  const lines: Record<string, unknown>[] = []
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  let stdout = ''
  let exited: (code: number) => void = () => {}
  const exit = new Promise<number>(resolve => {
    exited = resolve
  })
  const on = process.on.bind(process)
  const spies = [
    vi.spyOn(process, 'on').mockImplementation((event, listener) => {
      if (!/^SIG|^uncaught/.test(String(event))) return on(event, listener)
      listeners.set(String(event), listener as Listener)
      return process
    }),
    vi.spyOn(process, 'exit').mockImplementation(code => {
      exited(Number(code))
      return undefined as never
    }),
    vi.spyOn(process.stdout, 'write').mockImplementation(text => {
      stdout += String(text)
      return true
    }),
  ]
  const addressesAt = vi.fn((port: number) => ({ hosts: [`127.0.0.1:${port}`, '[::1]'], origins: [] }))
  try {
    await serveHttp(
      { ...world.options, confirmations },
      { host: '127.0.0.1', port: 0, oauth: undefined, addressesAt, dependencies: {}, ...http },
      log,
    )
  } finally {
    for (const spy of [spies[0], spies[2]]) spy?.mockRestore()
  }
  const emit = (event: string, argument?: unknown): void => listeners.get(event)?.(argument)
  onTestFinished(async () => {
    emit('SIGTERM')
    await exit
    spies[1]?.mockRestore()
  })
  const port = Number(/:(\d+)\/mcp\n$/.exec(stdout)?.[1])
  const post = async ({ headers, message }: McpRequest, more = {}): Promise<Reply> =>
    await send(port, { method: 'POST', path: '/mcp', headers: { ...headers, ...more }, body: JSON.stringify(message) })
  return { ...world, port, post, stdout, lines, emit, exit, addressesAt, events: [...listeners.keys()] }
}
