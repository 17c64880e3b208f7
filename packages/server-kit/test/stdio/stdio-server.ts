import { writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { pino } from 'pino'
import * as z from 'zod'
import { openAuditLog, parseAuditKey } from '#guardrails/audit'
import { defineTool } from '../../src/call/index.ts'
import { serveStdio } from '../../src/stdio/index.ts'

/**
 * A server for tests, run as a program of its own: `stdio-server.ts AUDIT_FILE [nameless]`. After its end it says on
 * standard error how many milliseconds it took since the end of its input.
 */
const [, , file = '', user] = process.argv

if (user === 'nameless') {
  os.userInfo = () => {
    throw new Error('this user has no name')
  }
  syncBuiltinESMExports()
}

type Handler = (signal: AbortSignal) => Promise<string>

/** What each tool does. */
const HANDLERS: Record<string, Handler> = {
  answer: async () => 'answered',
  /** Ends by itself. */
  slow: () => new Promise(resolve => setTimeout(resolve, 300, 'slow')),
  /** Never ends, keeps nothing alive, and does not care about being aborted. */
  stall: () => new Promise(() => {}),
  /** Never ends unless it is aborted, and then takes its time. */
  windDown: signal =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => setTimeout(() => reject(new Error('wound down')), 200))
    }),
  crash: () => {
    setTimeout(() => {
      throw new Error('a bug')
    })
    return new Promise(() => {})
  },
}

const tools = Object.entries(HANDLERS).map(([name, handle]) =>
  defineTool<undefined>()({
    name,
    title: name,
    summary: `Does ${name}.`,
    worstCase: 'Nothing.',
    effect: 'read',
    scope: 'things:read',
    input: z.strictObject({}),
    output: z.strictObject({ said: z.string() }),
    guard: () => undefined,
    handler: async (_subject, _ports, { signal }) => ({ said: await handle(signal) }),
  }),
)

let endedAt = 0
process.stdin.once('end', () => {
  endedAt = performance.now()
})
process.once('exit', () => {
  if (endedAt > 0) writeSync(2, `ended after ${Math.round(performance.now() - endedAt)} ms\n`)
})

const log = pino({ name: 'stdio-server' }, pino.destination({ dest: 2, sync: true }))
serveStdio(
  {
    name: 'stdio-server',
    version: '1.2.3',
    tools,
    ports: undefined,
    audit: openAuditLog({ file, key: parseAuditKey('ab'.repeat(32)), server: 'stdio-server' }),
    confirmations: undefined,
    onFault: fault => log.error({ err: fault }, 'fault'),
    onProtocolFault: fault => log.debug({ err: fault }, 'protocol'),
  },
  log,
)
