import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Backend, startBackend } from '@narrow-deputies/demo-stack'
import { freePort } from '@narrow-deputies/demo-stack/free-ports'
import { hasStore, startStore } from '../src/remote/store-process.ts'
import { TokenIssuer } from '../src/remote/token-issuer.ts'
import { hasCaddy, startCaddy } from './caddy.ts'
import { Caller, RETRY_POLICY, type Troubles } from './caller.ts'
import { Door } from './door.ts'
import { faultsOfRun } from './judgement.ts'
import { faultsOfLeaving } from './leaving.ts'
import { Replica } from './replica.ts'
import { type Ended, type Work, workList } from './work.ts'

const HELP = `pnpm replicas [--calls N]: two replicas of ticket-handler and two of blog-publisher behind a real Caddy, with the
configuration in packages/demo-stack/remote/Caddyfile and a real Redis, under a mixed load of both protocol eras while
replicas are killed, stopped and started again. Needs Linux, /usr/bin/caddy and /usr/bin/redis-server; ends in a minute or two.

It fails if a reply has no record, a request at the backend has no intent before it, anything is done twice, anything
that was said to be done was not, a caller sees an error that it cannot try again after, or an audit chain does not hold.

${RETRY_POLICY}`

const CALLERS = 16
/** Longer than the proxy's health checks are apart, and than it leaves a replica alone. */
const NOTICED_MS = 5_500
const NAMES = { 'ticket-handler': 'tickets.mcp.example.com', 'blog-publisher': 'blog.mcp.example.com' } as const
type Server = keyof typeof NAMES
const SERVERS = ['ticket-handler', 'blog-publisher'] as const
const SCOPE = { 'ticket-handler': 'tickets:read tickets:write', 'blog-publisher': 'blog:read blog:publish' } as const

const beganAt = performance.now()

function progress(text: string): void {
  process.stderr.write(`${((performance.now() - beganAt) / 1000).toFixed(0).padStart(4)} s  ${text}\n`)
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
    // One asks and one does not, so that both ways of writing are tried.
    ...(server === 'ticket-handler'
      ? { TICKET_CONFIRM: 'required' }
      : { BLOG_CONFIRM: 'description', BLOG_DRAFTS_DIR: join(folder, 'drafts') }),
    AUDIT_FILE: join(folder, `${server}-${letter}.jsonl`),
    LOG_LEVEL: 'warn',
  }
}

/** Does all the work, so many at a time. @param onDone told after each how many are done */
async function workOff(
  list: readonly Work[],
  callers: readonly Record<Server, Caller>[],
  onDone: (done: number) => void,
) {
  const ended: Ended[] = []
  let next = 0
  await Promise.all(
    callers.map(async caller => {
      for (let work = list[next++]; work; work = list[next++]) {
        const ending = await work.run(caller[work.server])
        ended.push({ work, ending })
        onDone(ended.length)
      }
    }),
  )
  return ended
}

/** What happens to the replicas meanwhile, each at its share of the work. */
function disturb(replicas: Record<Server, readonly [Replica, Replica]>, count: number) {
  const restart = async (replica: Replica, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    progress(`${signal === 'SIGKILL' ? 'killing' : 'stopping'} ${replica.name}`)
    const code = await replica.stop(signal)
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`${replica.name} ended with ${code}`)
    await pause(1_500)
    await replica.start()
    progress(`${replica.name} is back`)
    // The next one goes when the proxy has noticed, as in any rolling restart.
    await pause(NOTICED_MS)
  }
  const plan = [
    { at: 0.1, what: () => Promise.all(SERVERS.map(server => restart(replicas[server][0], 'SIGKILL'))) },
    { at: 0.4, what: () => Promise.all(SERVERS.map(server => restart(replicas[server][1], 'SIGKILL'))) },
    { at: 0.7, what: () => Promise.all(SERVERS.map(server => restart(replicas[server][0], 'SIGTERM'))) },
  ]
  let last: Promise<unknown> = Promise.resolve()
  return {
    onDone(done: number): void {
      if (done % 250 === 0) progress(`${done} of ${count} done`)
      if (plan[0] === undefined || done < plan[0].at * count) return
      const { what } = plan.shift() ?? {}
      // One after the other: with both away there is nobody to go to.
      last = last.then(what)
    },
    over: () => last,
  }
}

async function main(count: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'replicas-'))
  const cleanUp: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  try {
    mkdirSync(join(folder, 'drafts'))
    progress('starting the backend, an issuer of tokens, Redis, the replicas and Caddy')
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

    const troubles: Troubles = new Map()
    const callers = await Promise.all(
      Array.from({ length: CALLERS }, async (_, n) => {
        const of = async (server: Server): Promise<Caller> => {
          const claims = { sub: `person-${n}`, client_id: 'caller', exp: Math.floor(Date.now() / 1000) + 3_000 }
          const token = await issuer.token(publicUrl(server), SCOPE[server], { claims })
          const door = new Door(port, NAMES[server], caddy.authority, `127.0.0.${n + 2}`)
          cleanUp.push(() => door.close())
          return new Caller(door, token, troubles)
        }
        return { 'ticket-handler': await of('ticket-handler'), 'blog-publisher': await of('blog-publisher') }
      }),
    )
    const ticketIds = backend.ticketRows().map(({ id }) => id)
    const list = workList(count, { ticketIds, drafts: join(folder, 'drafts') })
    progress(`${list.length} calls by ${CALLERS} callers`)
    const { onDone, over } = disturb(replicas, list.length)
    const ended = await workOff(list, callers, onDone)
    await over()

    progress('clients that leave')
    const place = { token: await issuer.token(publicUrl('ticket-handler'), SCOPE['ticket-handler']), store }
    const door = new Door(port, NAMES['ticket-handler'], caddy.authority, '127.0.0.1')
    cleanUp.push(() => door.close())
    const [ticketId = ''] = ticketIds
    const left = await faultsOfLeaving({ ...place, door, replicas: replicas['ticket-handler'], ticketId })
    progress('stopping')
    const all = SERVERS.flatMap(server => replicas[server])
    for (const replica of all) await replica.stop('SIGTERM')
    const acknowledged = callers.flatMap(caller => SERVERS.flatMap(server => caller[server].acknowledged))
    const faults = [...left, ...(await faultsOfRun({ ended, acknowledged, replicas: all, backend }))]
    const unknown = ended.filter(({ ending }) => ending.kind === 'unknown').length
    const records = all.reduce((sum, { trail }) => sum + trail.records().length, 0)
    for (const [what, times] of troubles) process.stdout.write(`tried again ${times} times: ${what}\n`)
    for (const fault of new Set(faults)) process.stdout.write(`FAILED  ${fault}\n`)
    process.stdout.write(
      `${list.length} calls, ${acknowledged.length} replies, ${unknown} to look up, ${records} records in ${all.length} chains, ${faults.length} faults\n`,
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
    `pnpm replicas needs ${hasCaddy ? '' : '/usr/bin/caddy '}${hasStore ? '' : '/usr/bin/redis-server '}\n`,
  )
  process.exitCode = 2
} else process.exitCode = await main(count)
