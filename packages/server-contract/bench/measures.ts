import type { RunningServer } from '../src/running-server.ts'
import { type Paired, quantile } from './statistics.ts'
import { open, type Pair, type Process, type Subject, usageOf } from './subjects.ts'

/** Makes one call. The arguments differ from call to call, so that no response is cached. */
export type MakeCall<Server = RunningServer> = (server: Server) => Promise<void>

export interface Servers<Server = RunningServer> {
  readonly ours: Server
  readonly bare: Server
}

/** Calls a tool. @throws if the call fails */
export async function callOrFail(server: RunningServer, tool: string, args: Record<string, unknown>): Promise<void> {
  const reply = await server.call(tool, args)
  const result = reply.result as { isError?: boolean; structuredContent?: unknown } | undefined
  if (!result || result.isError || !result.structuredContent)
    throw new Error(`${tool} failed: ${JSON.stringify(reply)}; ${server.stderr}`)
}

/** Runs the work for each side in turns. The order changes, so that no side always runs after the same other one. */
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

/** Each array has one figure per round. */
export interface Latency {
  readonly p50: number[]
  readonly p95: number[]
  /** The CPU time of the server's process per call. */
  readonly cpuMs: number[]
}

/**
 * Measures one call at a time, in milliseconds. The servers take turns after every call, so that other work on the
 * machine affects all of them.
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

/** Measures calls per second with concurrent calls. */
export async function throughput<Server>(
  servers: Servers<Server>,
  makeCall: MakeCall<Server>,
  { rounds, calls, concurrent }: { rounds: number; calls: number; concurrent: number },
): Promise<Paired> {
  const perSecond = paired()
  await takeTurns(BOTH, rounds, async side => {
    let left = calls
    const startedAt = performance.now()
    const callUntilDone = async (): Promise<void> => {
      while (left-- > 0) await makeCall(servers[side])
    }
    await Promise.all(Array.from({ length: concurrent }, callUntilDone))
    perSecond[side].push((calls * 1000) / (performance.now() - startedAt))
  })
  return perSecond
}

export interface StartUp {
  readonly wallMs: Paired
  readonly cpuMs: Paired
  readonly rssMb: Paired
}

/** Measures the time from the start of the process to the response to the first `tools/list`. */
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

/** 1 MB is 1,000,000 bytes. */
export function megabytes(bytes: number): number {
  return bytes / 1_000_000
}
