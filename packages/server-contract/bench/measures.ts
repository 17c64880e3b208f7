import type { RunningServer } from '../src/index.ts'
import { type Paired, quantile } from './statistics.ts'
import { open, type Pair, type Subject, usageOf } from './subjects.ts'

/** Makes one call; each is another one, so that no answer is remembered. */
export type MakeCall = (server: RunningServer) => Promise<void>

export interface Servers {
  readonly ours: RunningServer
  readonly bare: RunningServer
}

/** Calls a tool and sees to it that it really was carried out. */
export async function callOrFail(server: RunningServer, tool: string, args: Record<string, unknown>): Promise<void> {
  const reply = await server.call(tool, args)
  const result = reply.result as { isError?: boolean; structuredContent?: unknown } | undefined
  if (!result || result.isError || !result.structuredContent)
    throw new Error(`${tool} failed: ${JSON.stringify(reply)}; ${server.stderr}`)
}

/** Which of two goes first changes from round to round: neither always finds what the other left behind. */
async function alternate(
  rounds: number,
  measure: (side: 'ours' | 'bare', round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const))
      await measure(side, round)
  }
}

/** One call after the other, in milliseconds. */
export async function latency(
  servers: Servers,
  makeCall: MakeCall,
  { rounds, calls }: { rounds: number; calls: number },
): Promise<{ p50: Paired; p95: Paired }> {
  const p50: Paired = { ours: [], bare: [] }
  const p95: Paired = { ours: [], bare: [] }
  await alternate(rounds, async side => {
    const samples: number[] = []
    for (let call = 0; call < calls; call += 1) {
      const startedAt = performance.now()
      await makeCall(servers[side])
      samples.push(performance.now() - startedAt)
    }
    p50[side].push(quantile(samples, 0.5))
    p95[side].push(quantile(samples, 0.95))
  })
  return { p50, p95 }
}

/** Calls per second with several in flight. */
export async function throughput(
  servers: Servers,
  makeCall: MakeCall,
  { rounds, calls, inFlight }: { rounds: number; calls: number; inFlight: number },
): Promise<Paired> {
  const perSecond: Paired = { ours: [], bare: [] }
  await alternate(rounds, async side => {
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
  await alternate(rounds, async side => {
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
