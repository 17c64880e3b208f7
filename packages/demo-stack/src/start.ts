import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Backend } from './backend.ts'
import { type Stack, startStack } from './stack.ts'

const HELP = `npm start [-- --port N]

Starts the embedded backend, an identity provider and the three servers for remote clients, all on 127.0.0.1. Prints the
settings for local and remote MCP clients, and runs until Ctrl-C. Records, keys, drafts and audit logs are stored in the
folder .state of this clone.

  --port N   The port of the backend. The other services use the four ports after it. Default: 4680; 0 selects free
             ports.
`

const DEFAULT_PORT = 4680
/** The highest port that is used, relative to the first one. */
const LAST_PORT_OFFSET = 4

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
  if (!Number.isInteger(port) || port < 0 || port > 65_535 - LAST_PORT_OFFSET) {
    process.stderr.write(`--port must be a number from 0 to ${65_535 - LAST_PORT_OFFSET}\n\n${HELP}`)
    return 2
  }

  const state = fileURLToPath(new URL('../../../.state', import.meta.url))
  const interrupted = untilSignal()
  process.stdout.write('Starting the backend, the identity provider and the three servers …\n')
  let stack: Stack
  try {
    stack = await startStack({ state, port, onLog: text => process.stderr.write(text) })
  } catch (error) {
    process.stderr.write(startFailure(error as NodeJS.ErrnoException, port))
    return 1
  }
  process.stdout.write(greeting(stack, state))
  const stopShowing = showRequests(stack.backend)
  const exitedServer = await Promise.race([interrupted, untilServerExits(stack)])
  stopShowing()
  process.stdout.write(exitedServer ? `\n${exitedServer} exited unexpectedly. Stopping …\n` : '\nStopping …\n')
  await stack.close()
  process.stdout.write('Stopped.\n')
  return exitedServer ? 1 : 0
}

function startFailure({ code, message }: NodeJS.ErrnoException, port: number): string {
  // The error of a server's process has no code, but its output names it.
  if (port === 0 || (code !== 'EADDRINUSE' && !message.includes('EADDRINUSE'))) return `${message}\n`
  const ports = `${port} to ${port + LAST_PORT_OFFSET}`
  return `One of the ports ${ports} is in use. To select free ports, run: npm start -- --port 0\n`
}

function greeting({ backend, identity, servers, drafts, entries }: Stack, state: string): string {
  const remote = Object.fromEntries(servers.map(({ name, url }) => [name, { type: 'http', url }]))
  const settings = (mcpServers: unknown): string => JSON.stringify({ mcpServers }, null, 2)
  const people = identity.people.map(
    ({ username, password, scopes }) => `  ${username.padEnd(10)}${password.padEnd(21)}${scopes.join(' ')}`,
  )
  return `
Running on this machine:

  backend            ${backend.url}   a blog, a CRM and a ticket system with sample records
  identity provider  ${identity.issuer}   signs in the users of the remote servers

Add one of these two blocks to the settings of your MCP client.

1. Local servers, which the client starts itself:

${settings(entries)}

2. Remote servers, which are running now. The client opens a browser, in which you sign in:

${settings(remote)}

  ${'username'.padEnd(10)}${'password'.padEnd(21)}can grant the scopes
${people.join('\n')}

Where to look:

  drafts that can be published  ${drafts}
  published posts               ${backend.url}/posts/<slug>
  audit logs of local servers   ${state}/<server>.audit.jsonl
  audit logs of remote servers  ${state}/<server>.remote.audit.jsonl

Ready. The requests that reach the backend are shown below. Press Ctrl-C to stop.

`
}

/** Resolves to the name of a server when its process exits. */
async function untilServerExits({ servers }: Stack): Promise<string> {
  return await Promise.race(servers.map(({ ended, name }) => ended.then(() => name)))
}

/** Prints the requests that reach the backend, until the returned function is called. */
function showRequests(backend: Backend): () => void {
  let shown = backend.requests().length
  const timer = setInterval(() => {
    const requests = backend.requests()
    for (const { time, keyName, method, route, status } of requests.slice(shown))
      process.stdout.write(
        `${time.slice(11, 19)} UTC  ${status}  ${keyName ?? '(no key)'}  ${method} ${route ?? '(unknown route)'}\n`,
      )
    shown = requests.length
  }, 500)
  return () => clearInterval(timer)
}

async function untilSignal(): Promise<undefined> {
  await new Promise<void>(resolve => {
    // The handlers stay in place, because both the terminal and npm may send the signal.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
  return undefined
}

process.exitCode = await main()
