import type { RunningServer } from '../src/running-server.ts'
import { type Paired, quantile } from './statistics.ts'
import { open, type Pair, type Process, type Subject, usageOf } from './subjects.ts'

/** Makes one call; each is another one, so that no answer is remembered. */
export type MakeCall<Server = RunningServer> = (server: Server) => Promise<void>

export interface Servers<Server = RunningServer> {
  readonly ours: Server
  readonly bare: Server
}

/** Calls a tool and sees to it that it really was carried out. */
export async function callOrFail(server: RunningServer, tool: string, args: Record<string, unknown>): Promise<void> {
  const reply = await server.call(tool, args)
  const result = reply.result as { isError?: boolean; structuredContent?: unknown } | undefined
  if (!result || result.isError || !result.structuredContent)
    throw new Error(`${tool} failed: ${JSON.stringify(reply)}; ${server.stderr}`)
}

/** Who goes first changes from turn to turn: none always finds what another left behind. */
async function takeTurns<Side>(
  sides: readonly Side[],
  turns: number,
  work: (side: Side) => Promise<void>,
): Promise<void> {
  const orders = permutations(sides)
  for (let turn = 0; turn < turns; turn += 1) for (const side of orders[turn % orders.length] ?? []) await work(side)
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map(rest => [item, ...rest]))
}

const BOTH = ['ours', 'bare'] as const

/** A figure of each round. */
export interface Latency {
  readonly p50: number[]
  readonly p95: number[]
  /** Of the server's process, for one call. */
  readonly cpuMs: number[]
}

/**
 * One call after the other, in milliseconds. The servers take turns at every call: a machine that is busy for a while is
 * so for all of them.
 */
export async function latency<Side extends string, Server extends Process = RunningServer>(
  servers: Readonly<Record<Side, Server>>,
  makeCall: MakeCall<Server>,
  { rounds, calls }: { rounds: number; calls: number },
): Promise<Record<Side, Latency>> {
  const sides = Object.keys(servers) as Side[]
  const each = <T>(make: (side: Side) => T) =>
    Object.fromEntries(sides.map(side => [side, make(side)])) as Record<Side, T>
  const figures = each((): Latency => ({ p50: [], p95: [], cpuMs: [] }))
  for (let round = 0; round < rounds; round += 1) {
    const samples = each((): number[] => [])
    const before = each(() => 0)
    for (const side of sides) before[side] = (await usageOf(servers[side])).cpuMs
    await takeTurns(sides, calls, async side => {
      const startedAt = performance.now()
      await makeCall(servers[side])
      samples[side].push(performance.now() - startedAt)
    })
    for (const side of sides) {
      figures[side].p50.push(quantile(samples[side], 0.5))
      figures[side].p95.push(quantile(samples[side], 0.95))
      figures[side].cpuMs.push(((await usageOf(servers[side])).cpuMs - before[side]) / calls)
    }
  }
  return figures
}

/** Calls per second with several in flight. */
export async function throughput<Server>(
  servers: Servers<Server>,
  makeCall: MakeCall<Server>,
  { rounds, calls, inFlight }: { rounds: number; calls: number; inFlight: number },
): Promise<Paired> {
  const perSecond = paired()
  await takeTurns(BOTH, rounds, async side => {
    let left = calls
    const startedAt = performance.now()
    const line = async (): Promise<void> => {
      while (left-- > 0) await makeCall(servers[side])
    }
    await Promise.all(Array.from({ length: inFlight }, line))
    perSecond[side].push((calls * 1000) / (performance.now() - startedAt))
  })
  return perSecond
}

export interface StartUp {
  readonly wallMs: Paired
  readonly cpuMs: Paired
  readonly rssMb: Paired
}

/** From nothing to the first answered `tools/list`. */
export async function startUp(pair: Pair, rounds: number): Promise<StartUp> {
  const figures: StartUp = { wallMs: paired(), cpuMs: paired(), rssMb: paired() }
  await takeTurns(BOTH, rounds, async side => {
    const { wallMs, cpuMs, rss } = await startOnce(pair[side])
    figures.wallMs[side].push(wallMs)
    figures.cpuMs[side].push(cpuMs)
    figures.rssMb[side].push(megabytes(rss))
  })
  return figures
}

function paired(): Paired {
  return { ours: [], bare: [] }
}

async function startOnce(subject: Subject): Promise<{ wallMs: number; cpuMs: number; rss: number }> {
  const startedAt = performance.now()
  const server = await open(subject)
  await server.request('tools/list', {})
  const wallMs = performance.now() - startedAt
  const usage = await usageOf(server)
  await server.end()
  return { wallMs, ...usage }
}

/** Millions of bytes, as a system's own tools show them. */
export function megabytes(bytes: number): number {
  return bytes / 1_000_000
}
