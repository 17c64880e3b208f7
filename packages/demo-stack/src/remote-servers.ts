import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ClientEntry, ServerName } from './client-entries.ts'
import type { ProtectedResource } from './identity/resources.ts'

/** What each scope lets an app do, for the person who is asked to allow it. */
const SCOPES: Record<ServerName, Readonly<Record<string, string>>> = {
  'blog-publisher': {
    'blog:read': 'see which drafts there are',
    'blog:publish': 'publish a draft to the live blog, after asking you each time',
    'blog:deploy': 'deploy the blog, after asking you each time',
  },
  'crm-reader': { 'crm:read': 'look customers up' },
  'ticket-handler': {
    'tickets:read': 'read tickets',
    'tickets:write': 'open tickets, and change their status, priority and internal notes',
  },
}

const ENDS_WITH_PARENT = new URL('ends-with-parent.mjs', import.meta.url).href

/** A server process that listens for remote clients. */
export interface RemoteServer {
  readonly name: ServerName
  /** Of its endpoint. */
  readonly url: string
  /** Resolves once the process is gone, to its exit code. */
  readonly ended: Promise<number | null>
  /** Lets calls in flight end. */
  stop(): Promise<void>
}

/** What an identity provider has to know of a server. */
export function resourceOf(name: ServerName, url: string): ProtectedResource {
  return { url, name, scopes: SCOPES[name] }
}

/**
 * Starts a server that listens at `url`. Resolves once it does.
 *
 * @param entry how it would be started for a local client
 * @param onLog given what it says for its operator
 * @throws if it ends instead, with what it said
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
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000)
  })
  const listening = new Promise<true>(resolve => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('listens at')) resolve(true)
    })
  })
  if ((await Promise.race([listening, ended])) !== true) throw new Error(`${name} ended:\n${said}`)
}
