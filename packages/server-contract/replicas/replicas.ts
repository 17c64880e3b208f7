import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Backend, startBackend } from '@narrow-deputies/demo-stack'
import { freePort } from '@narrow-deputies/demo-stack/free-ports'
import { hasStore, startStore } from '../src/remote/store-process.ts'
import { TokenIssuer } from '../src/remote/token-issuer.ts'
import { hasCaddy, startCaddy } from './caddy.ts'
import { Caller, RETRY_POLICY, type RetryCounts } from './caller.ts'
import { faultsOfDisconnects } from './disconnects.ts'
import { ProxyClient } from './proxy-client.ts'
import { Replica } from './replica.ts'
import { faultsOfRun } from './run-checks.ts'
import { type FinishedTask, type Task, taskList } from './tasks.ts'

const HELP = `pnpm replicas [--calls N]

Runs two replicas of ticket-handler and two of blog-publisher behind Caddy, with packages/demo-stack/remote/Caddyfile and
Redis. Sends N calls of both protocol eras (default: 2000) while replicas are killed, stopped and restarted. Takes one or
two minutes. Needs Linux, /usr/bin/caddy and /usr/bin/redis-server.

The command fails if one of these happens:

  - A reply has no audit record, or a write at the backend has no earlier intent.
  - A write is done twice, or is reported as done but was not done.
  - A call fails with an error after which the caller cannot try again.
  - An audit log is not valid.

${RETRY_POLICY}`

const CALLERS = 16
/** Longer than `health_interval` plus `fail_duration` in the Caddyfile, so that the proxy uses the replica again. */
const RECOVERY_MS = 5_500
const NAMES = { 'ticket-handler': 'tickets.mcp.example.com', 'blog-publisher': 'blog.mcp.example.com' } as const
type Server = keyof typeof NAMES
const SERVERS = ['ticket-handler', 'blog-publisher'] as const
const SCOPE = { 'ticket-handler': 'tickets:read tickets:write', 'blog-publisher': 'blog:read blog:publish' } as const

const startedAt = performance.now()

function progress(text: string): void {
  process.stderr.write(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${text}\n`)
}

function publicUrl(server: Server): string {
  return `https://${NAMES[server]}/mcp`
}

function environment(server: Server, letter: string, folder: string, backend: Backend, shared: Record<string, string>) {
  const own = server === 'ticket-handler' ? backend.tickets : backend.blog
  const prefix = server === 'ticket-handler' ? 'TICKET' : 'BLOG'
  return {
    ...shared,
    MCP_PUBLIC_URL: publicUrl(server),
    [`${prefix}_API_URL`]: own.url,
    [`${prefix}_API_KEY`]: own.key,
    // One server asks for confirmation and the other does not, so that both kinds of writes are tested.
    ...(server === 'ticket-handler'
      ? { TICKET_CONFIRM: 'required' }
      : { BLOG_CONFIRM: 'description', BLOG_DRAFTS_DIR: join(folder, 'drafts') }),
    AUDIT_FILE: join(folder, `${server}-${letter}.jsonl`),
    LOG_LEVEL: 'warn',
  }
}

/**
 * Runs all tasks, one at a time for each caller.
 *
 * @param onDone called after each task with the number of finished tasks
 */
async function runTasks(
  tasks: readonly Task[],
  callers: readonly Record<Server, Caller>[],
  onDone: (done: number) => void,
) {
  const finished: FinishedTask[] = []
  let next = 0
  await Promise.all(
    callers.map(async caller => {
      for (let task = tasks[next++]; task; task = tasks[next++]) {
        const outcome = await task.run(caller[task.server])
        finished.push({ task, outcome })
        onDone(finished.length)
      }
    }),
  )
  return finished
}

/** Restarts replicas when given shares of the tasks are finished. */
function planRestarts(replicas: Record<Server, readonly [Replica, Replica]>, count: number) {
  const restart = async (replica: Replica, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    progress(`${signal === 'SIGKILL' ? 'killing' : 'stopping'} ${replica.name}`)
    const code = await replica.stop(signal)
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`${replica.name} exited with ${code}`)
    await pause(1_500)
    await replica.start()
    progress(`${replica.name} is running again`)
    // The next restart waits until the proxy uses this replica again, as in any rolling restart.
    await pause(RECOVERY_MS)
  }
  const plan = [
    { at: 0.1, action: () => Promise.all(SERVERS.map(server => restart(replicas[server][0], 'SIGKILL'))) },
    { at: 0.4, action: () => Promise.all(SERVERS.map(server => restart(replicas[server][1], 'SIGKILL'))) },
    { at: 0.7, action: () => Promise.all(SERVERS.map(server => restart(replicas[server][0], 'SIGTERM'))) },
  ]
  let last: Promise<unknown> = Promise.resolve()
  return {
    onDone(done: number): void {
      if (done % 250 === 0) progress(`${done} of ${count} calls done`)
      if (plan[0] === undefined || done < plan[0].at * count) return
      const { action } = plan.shift() ?? {}
      // One restart after the other, so that one replica of each server is always running.
      last = last.then(action)
    },
    finished: () => last,
  }
}

async function main(count: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'replicas-'))
  const cleanUp: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  try {
    mkdirSync(join(folder, 'drafts'))
    progress('starting the backend, a token issuer, Redis, the replicas and Caddy')
    const backend = await startBackend({ rateLimit: { max: 1_000_000, windowMs: 60_000 } })
    cleanUp.push(() => backend.close())
    const issuer = new TokenIssuer()
    await issuer.open()
    cleanUp.push(() => issuer.close())
    const store = await startStore()
    cleanUp.push(() => store.kill())
    const shared = {
      OAUTH_ISSUER: issuer.url,
      MCP_STATE_KEY: 'facade42'.repeat(8),
      MCP_STORE_URL: store.url,
      AUDIT_KEY: 'c0ffee15'.repeat(8),
    }
    const make = async (server: Server): Promise<[Replica, Replica]> => {
      const pair = await Promise.all(
        ['a', 'b'].map(async letter => {
          const env = environment(server, letter, folder, backend, shared)
          return new Replica(server, letter, await freePort(), env)
        }),
      )
      for (const replica of pair) {
        cleanUp.push(() => replica.stop('SIGKILL'))
        await replica.start()
      }
      return pair as [Replica, Replica]
    }
    const replicas = { 'ticket-handler': await make('ticket-handler'), 'blog-publisher': await make('blog-publisher') }
    const port = await freePort()
    const addresses = (server: Server): string => replicas[server].map(replica => `127.0.0.1:${replica.port}`).join(' ')
    const caddy = await startCaddy(folder, port, {
      TICKETS_ADDRESS: `${NAMES['ticket-handler']}:${port}`,
      TICKETS_REPLICAS: addresses('ticket-handler'),
      BLOG_ADDRESS: `${NAMES['blog-publisher']}:${port}`,
      BLOG_REPLICAS: addresses('blog-publisher'),
    })
    cleanUp.push(() => caddy.stop())

    const retries: RetryCounts = new Map()
    const callers = await Promise.all(
      Array.from({ length: CALLERS }, async (_, n) => {
        const of = async (server: Server): Promise<Caller> => {
          const claims = { sub: `person-${n}`, client_id: 'caller', exp: Math.floor(Date.now() / 1000) + 3_000 }
          const token = await issuer.token(publicUrl(server), SCOPE[server], { claims })
          const client = new ProxyClient(port, NAMES[server], caddy.authority, `127.0.0.${n + 2}`)
          cleanUp.push(() => client.close())
          return new Caller(client, token, retries)
        }
        return { 'ticket-handler': await of('ticket-handler'), 'blog-publisher': await of('blog-publisher') }
      }),
    )
    const ticketIds = backend.ticketRows().map(({ id }) => id)
    const tasks = taskList(count, { ticketIds, drafts: join(folder, 'drafts') })
    progress(`${tasks.length} calls by ${CALLERS} callers`)
    const restarts = planRestarts(replicas, tasks.length)
    const finished = await runTasks(tasks, callers, restarts.onDone)
    await restarts.finished()

    progress('clients that disconnect')
    const token = await issuer.token(publicUrl('ticket-handler'), SCOPE['ticket-handler'])
    const client = new ProxyClient(port, NAMES['ticket-handler'], caddy.authority, '127.0.0.1')
    cleanUp.push(() => client.close())
    const [ticketId = ''] = ticketIds
    const handlers = replicas['ticket-handler']
    const disconnects = await faultsOfDisconnects({ client, token, replicas: handlers, store, ticketId })
    progress('stopping')
    const all = SERVERS.flatMap(server => replicas[server])
    for (const replica of all) await replica.stop('SIGTERM')
    const answered = callers.flatMap(caller => SERVERS.flatMap(server => caller[server].answered))
    const faults = [...disconnects, ...(await faultsOfRun({ finished, answered, replicas: all, backend }))]
    const unknown = finished.filter(({ outcome }) => outcome.kind === 'unknown').length
    const records = all.reduce((sum, { trail }) => sum + trail.records().length, 0)
    for (const [what, times] of retries) process.stdout.write(`retries: ${times} after ${what}\n`)
    for (const fault of new Set(faults)) process.stdout.write(`FAILED  ${fault}\n`)
    process.stdout.write(
      `${tasks.length} calls, ${answered.length} replies, ${unknown} unknown outcomes, ${records} records in ${all.length} audit logs, ${faults.length} faults\n`,
    )
    return faults.length === 0 ? 0 : 1
  } finally {
    for (const clean of cleanUp.reverse()) await clean()
  }
}

const args = process.argv.slice(2).filter(argument => argument !== '--')
const count = args[0] === '--calls' ? Number(args[1]) : args.length === 0 ? 2_000 : Number.NaN
if (args.includes('--help')) process.stdout.write(HELP)
else if (!Number.isSafeInteger(count) || count < 1) {
  process.stderr.write(HELP)
  process.exitCode = 2
} else if (!hasCaddy || !hasStore) {
  process.stderr.write(
    `pnpm replicas needs these programs: ${[hasCaddy ? [] : '/usr/bin/caddy', hasStore ? [] : '/usr/bin/redis-server'].flat().join(', ')}\n`,
  )
  process.exitCode = 2
} else process.exitCode = await main(count)
