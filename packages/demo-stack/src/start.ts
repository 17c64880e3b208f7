import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Backend, startBackend } from './backend.ts'
import { clientEntries, serverKeys } from './client-entries.ts'
import { DRAFTS } from './index.ts'

const HELP = `npm start [-- --port N]: starts the embedded backend, prints the client entries of the three servers, and
runs until Ctrl-C. What it keeps (records, keys, drafts, audit files) is in the folder .state of this clone.

  --port N   where the backend listens on 127.0.0.1; 4680 unless told
`

const DEFAULT_PORT = 4680

async function main(): Promise<number> {
  const options = { port: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
  let values: { port?: string; help?: boolean }
  try {
    values = parseArgs({ options }).values
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`)
    return 2
  }
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const port = Number(values.port ?? DEFAULT_PORT)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    process.stderr.write(`--port takes a number from 0 to 65535\n\n${HELP}`)
    return 2
  }

  const state = fileURLToPath(new URL('../../../.state', import.meta.url))
  mkdirSync(state, { recursive: true, mode: 0o700 })
  const drafts = join(state, 'drafts')
  if (!existsSync(drafts)) {
    mkdirSync(drafts, { mode: 0o755 })
    cpSync(DRAFTS, drafts, { recursive: true })
  }

  let backend: Backend
  try {
    backend = await startBackend({ port, database: join(state, 'backend.sqlite'), keys: serverKeys(state) })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    process.stderr.write(`Port ${port} is taken. Choose another: npm start -- --port 0\n`)
    return 1
  }
  const entries = JSON.stringify({ mcpServers: clientEntries(backend, state, drafts) }, null, 2)
  process.stdout.write(`
The embedded backend runs at ${backend.url}: a blog, a CRM and a ticket system, with made-up records.

Paste this into the settings of your MCP client:

${entries}

Drafts to publish:   ${drafts}
Published posts:     ${backend.url}/posts/<name>
Audit files:         ${state}/<server>.audit.jsonl

Ready. Requests of the servers appear below; Ctrl-C ends it.
`)
  await untilSignal(backend)
  process.stdout.write('\nStopping …\n')
  await backend.close()
  return 0
}

/** Shows what reaches the backend until somebody ends it. */
async function untilSignal(backend: Backend): Promise<void> {
  let shown = backend.requests().length
  const timer = setInterval(() => {
    const requests = backend.requests()
    for (const { time, keyName, method, route, status } of requests.slice(shown))
      process.stdout.write(
        `${time.slice(11, 19)}  ${status}  ${keyName ?? 'nobody'}  ${method} ${route ?? '(no route)'}\n`,
      )
    shown = requests.length
  }, 500)
  await new Promise<void>(resolve => {
    // Not once: a terminal's Ctrl-C and the wrapper that passes it on may both reach us.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
  clearInterval(timer)
}

process.exitCode = await main()
