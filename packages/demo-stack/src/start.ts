import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Backend } from './backend.ts'
import { type Stack, startStack } from './stack.ts'

const HELP = `npm start [-- --port N]: starts the embedded backend, an identity provider and the three servers for remote
clients, prints how local and remote clients reach them, and runs until Ctrl-C. What it keeps (records, keys, drafts,
audit files) is in the folder .state of this clone.

  --port N   where the backend listens on 127.0.0.1, with the rest at the four ports after it; 4680 unless told,
             0 for any free ones
`

const DEFAULT_PORT = 4680
/** The last of the ports, seen from the first. */
const LAST_STEP = 4

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
  if (!Number.isInteger(port) || port < 0 || port > 65_535 - LAST_STEP) {
    process.stderr.write(`--port takes a number from 0 to ${65_535 - LAST_STEP}\n\n${HELP}`)
    return 2
  }

  const state = fileURLToPath(new URL('../../../.state', import.meta.url))
  const ended = untilSignal()
  process.stdout.write('Starting the backend, the identity provider and three remote servers …\n')
  let stack: Stack
  try {
    stack = await startStack({ state, port, onLog: text => process.stderr.write(text) })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // A server's own process says it in words.
    if (code !== 'EADDRINUSE' && !message.includes('EADDRINUSE')) {
      process.stderr.write(`${message}\n`)
      return 1
    }
    const ports = `${port} to ${port + LAST_STEP}`
    process.stderr.write(`One of the ports ${ports} is taken. Choose others: npm start -- --port 0\n`)
    return 1
  }
  process.stdout.write(greeting(stack, state))
  const showNoMore = showRequests(stack.backend)
  const fallen = await Promise.race([ended, untilOneEnds(stack)])
  showNoMore()
  process.stdout.write(fallen ? `\n${fallen} ended by itself. Stopping the rest …\n` : '\nStopping …\n')
  await stack.close()
  return fallen ? 1 : 0
}

function greeting({ backend, identity, servers, drafts, entries }: Stack, state: string): string {
  const remote = Object.fromEntries(servers.map(({ name, url }) => [name, { type: 'http', url }]))
  const block = (mcpServers: unknown): string => JSON.stringify({ mcpServers }, null, 2)
  return `
The embedded backend runs at ${backend.url}: a blog, a CRM and a ticket system, with made-up records.
The identity provider runs at ${identity.issuer}; who can sign in there:

${identity.people.map(({ username, password, may }) => `  ${username.padEnd(6)} ${password.padEnd(20)} ${may.join(' ')}`).join('\n')}

Paste one of these into the settings of your MCP client.
Local servers, which the client starts by itself:

${block(entries)}

Remote servers, which run here now; the client will send you to the identity provider:

${block(remote)}

Drafts to publish:   ${drafts}
Published posts:     ${backend.url}/posts/<name>
Audit files:         ${state}/<server>.audit.jsonl, and .remote.audit.jsonl of the remote ones

Ready. Requests of the servers appear below; Ctrl-C ends it.
`
}

/** Resolves to the name of a server that is gone: what was printed is not true any more. */
async function untilOneEnds({ servers }: Stack): Promise<string> {
  return await Promise.race(servers.map(({ ended, name }) => ended.then(() => name)))
}

/** Shows what reaches the backend, until the returned function is called. */
function showRequests(backend: Backend): () => void {
  let shown = backend.requests().length
  const timer = setInterval(() => {
    const requests = backend.requests()
    for (const { time, keyName, method, route, status } of requests.slice(shown))
      process.stdout.write(
        `${time.slice(11, 19)}  ${status}  ${keyName ?? 'nobody'}  ${method} ${route ?? '(no route)'}\n`,
      )
    shown = requests.length
  }, 500)
  return () => clearInterval(timer)
}

async function untilSignal(): Promise<undefined> {
  await new Promise<void>(resolve => {
    // Not once: a terminal's Ctrl-C and the wrapper that passes it on may both reach us.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
  return undefined
}

process.exitCode = await main()
