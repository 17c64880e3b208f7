import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build, type Options } from 'tsup'
// @boundaries-ignore The bare server is built with the same options as the other servers.
import { oneFile } from '../../../tsup.base.ts'
import { RemoteServer } from '../src/remote/remote-server.ts'
import { PUBLIC_URL } from '../src/remote/remote-world.ts'
import { RunningServer } from '../src/running-server.ts'
import type { Backend } from './backend-worker.ts'

/** How to start a server. */
export interface Subject {
  readonly entry: string
  readonly args: string[]
  readonly env: Record<string, string>
}

/** One of our servers, and the bare server with the same tools. */
export interface Pair {
  readonly ours: Subject
  readonly bare: Subject
}

/** Bundles the bare server into one file, like our servers. */
export async function bundleBareServer(folder: string): Promise<string> {
  await build({
    ...(oneFile as Options),
    config: false,
    clean: false,
    silent: true,
    entry: { bare: fileURLToPath(new URL('bare-server.ts', import.meta.url)) },
    outDir: folder,
  })
  return join(folder, 'bare.mjs')
}

/** @param folder for the audit files */
export function subjectsOf(backend: Backend, bare: string, folder: string): { crm: Pair; tickets: Pair } {
  const usage = { NODE_OPTIONS: `--require=${fileURLToPath(new URL('usage.cjs', import.meta.url))}` }
  const pair = (server: string, prefix: string, api: 'crm' | 'tickets'): Pair => {
    const { url, key } = backend[api]
    return {
      ours: {
        entry: entryPoint(server),
        args: [],
        env: {
          ...usage,
          [`${prefix}_API_URL`]: url,
          [`${prefix}_API_KEY`]: key,
          AUDIT_FILE: join(folder, `${server}.jsonl`),
          AUDIT_KEY: randomBytes(32).toString('hex'),
        },
      },
      bare: { entry: bare, args: [api], env: { ...usage, API_URL: url, API_KEY: key } },
    }
  }
  return { crm: pair('crm-reader', 'CRM', 'crm'), tickets: pair('ticket-handler', 'TICKET', 'tickets') }
}

export function entryPoint(server: string): string {
  return fileURLToPath(new URL(`../../../servers/${server}/dist/main.mjs`, import.meta.url))
}

const running = new Set<Process>()

export async function open({ entry, args, env }: Subject): Promise<RunningServer> {
  const server = new RunningServer(entry, env, args)
  running.add(server)
  void server.exited.then(() => running.delete(server))
  await server.open('legacy')
  return server
}

/** Starts a server over HTTP. @param issuer the issuer of its access tokens; omitted for the bare server */
export async function openRemote({ entry, args, env }: Subject, issuer?: string): Promise<RemoteServer> {
  const remote = issuer && { OAUTH_ISSUER: issuer, MCP_PUBLIC_URL: PUBLIC_URL }
  const server = new RemoteServer(entry, { ...env, ...remote }, [...args, '--port', '0'])
  running.add(server)
  void server.exited.then(() => running.delete(server))
  await server.listening()
  return server
}

export function killAll(): void {
  for (const server of running) server.child.kill('SIGKILL')
}

export interface Usage {
  /** User and system time of all threads since the process started. */
  readonly cpuMs: number
  /** Bytes. */
  readonly rss: number
}

/** A server's process, over stdio or HTTP. */
export type Process = Pick<RunningServer, 'child' | 'stderr'>

/** Gets the usage from the process itself, which has usage.cjs preloaded. */
export async function usageOf(server: Process): Promise<Usage> {
  const before = server.stderr.length
  server.child.kill('SIGUSR2')
  for (;;) {
    const usage = /^usage (.+)\n/m.exec(server.stderr.slice(before))?.[1]
    if (usage !== undefined) return JSON.parse(usage) as Usage
    if (server.child.exitCode !== null) throw new Error(`the server exited: ${server.stderr}`)
    await setTimeout(2)
  }
}
