import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ClientEntry, ServerName } from './client-entries.ts'
import type { ProtectedResource } from './identity/resources.ts'

/** What each scope lets an app do, in the words of the consent page. */
const SCOPES: Record<ServerName, Readonly<Record<string, string>>> = {
  'blog-publisher': {
    'blog:read': 'list drafts',
    'blog:publish': 'publish drafts on the live blog, after asking you each time',
    'blog:deploy': 'deploy the blog, after asking you each time',
  },
  'crm-reader': { 'crm:read': 'look up customers' },
  'ticket-handler': {
    'tickets:read': 'read tickets',
    'tickets:write': 'create tickets, change their status and priority, and add internal notes',
  },
}

const ENDS_WITH_PARENT = new URL('ends-with-parent.mjs', import.meta.url).href

/** A server process that listens for remote clients. */
export interface RemoteServer {
  readonly name: ServerName
  /** The URL of its MCP endpoint. */
  readonly url: string
  /** Resolves to the exit code when the process has ended. */
  readonly ended: Promise<number | null>
  /** Stops the server after its open calls have ended. */
  stop(): Promise<void>
}

/** A server as the identity provider knows it. */
export function resourceOf(name: ServerName, url: string): ProtectedResource {
  return { url, name, scopes: SCOPES[name] }
}

/**
 * Starts a server that listens at `url`. Resolves when it listens.
 *
 * @param entry the entry with which a local client would start the server
 * @param onLog receives what the server writes to stderr after it has started
 * @throws if the server ends before it listens; the error contains its output
 */
export async function startRemoteServer(
  name: ServerName,
  url: string,
  issuer: string,
  entry: ClientEntry,
  onLog: (text: string) => void = () => {},
): Promise<RemoteServer> {
  const { hostname, port } = new URL(url)
  const args = ['--import', ENDS_WITH_PARENT, ...entry.args, 'http', '--host', hostname, '--port', port]
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH ?? '', LOG_LEVEL: 'warn', ...entry.env, MCP_PUBLIC_URL: url, OAUTH_ISSUER: issuer },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  await untilListening(child, ended, name)
  child.stderr?.on('data', onLog)
  return {
    name,
    url,
    ended,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function untilListening(child: ChildProcess, ended: Promise<unknown>, name: string): Promise<void> {
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4_000)
  })
  const listening = new Promise<true>(resolve => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('listens at')) resolve(true)
    })
  })
  if ((await Promise.race([listening, ended])) !== true) throw new Error(`${name} ended before it listened:\n${output}`)
}
