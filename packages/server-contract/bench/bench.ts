import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { RunningServer } from '../src/running-server.ts'
import { auditCost } from './audit-cost.ts'
import type { Backend } from './backend-worker.ts'
import { measureHttp } from './http-measures.ts'
import { callOrFail, latency, type MakeCall, megabytes, type Servers, startUp, throughput } from './measures.ts'
import { markdown, pairedRow, type Row } from './report.ts'
import { pair } from './statistics.ts'
import { bundleBareServer, entryPoint, killAll, open, type Pair, subjectsOf, usageOf } from './subjects.ts'

const quick = process.argv.includes('--quick')
const unknown = process.argv.slice(2).filter(argument => argument !== '--quick' && argument !== '--')
if (unknown.length > 0) {
  process.stderr.write(`usage: pnpm bench [--quick]\n`)
  process.exit(2)
}

const CONCURRENT = 16
const SIZES = quick
  ? { warmUp: 100, latency: { rounds: 3, calls: 60 }, writes: 20, load: { rounds: 2, calls: 200 }, starts: 3 }
  : { warmUp: 600, latency: { rounds: 24, calls: 150 }, writes: 60, load: { rounds: 12, calls: 600 }, starts: 15 }

const AT_MOST_1_15 = { text: '≤ 1.15 × bare', met: (_: number, ratio: number) => ratio <= 1.15 }
const RSS = { text: '≤ 65 MB', met: (mb: number) => mb <= 65 }
const CPU = { text: '≤ 200 ms', met: (ms: number) => ms <= 200 }

const startedAt = performance.now()
/** The load average of the last minute. Other work on the machine makes all figures worse, but not the ratios. */
const [load = 0] = loadavg()
const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const worker = new Worker(new URL('backend-worker.ts', import.meta.url))
const cleanUp = (): void => {
  killAll()
  rmSync(folder, { recursive: true, force: true })
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    cleanUp()
    process.exit(130)
  })

try {
  const rows = await measureAll()
  const page = markdown(rows, load)
  process.stdout.write(page)
  // A quick run only shows that the benchmark works.
  if (!quick) writeFileSync(new URL('RESULTS.md', import.meta.url), page)
} finally {
  cleanUp()
  await worker.terminate()
}

async function measureAll(): Promise<Row[]> {
  progress('starting the backend and bundling the bare server')
  const [backend] = (await once(worker, 'message')) as [Backend]
  const { crm, tickets } = subjectsOf(backend, await bundleBareServer(folder), folder)
  return [
    ...(await measureReads(crm, backend)),
    ...(await measureWrites(tickets)),
    ...(await measureHttp(crm, backend.customerIds, SIZES, progress)),
    ...(await measureStarts('crm-reader', crm)),
    ...(await measureStarts('ticket-handler', tickets)),
    ...measureAudit(),
    ...measureFiles(),
  ]
}

async function measureReads(crm: Pair, { customerIds }: Backend): Promise<Row[]> {
  let next = 0
  const read: MakeCall = server => {
    next += 1
    return callOrFail(server, 'getCustomer', { customerId: customerIds[next % customerIds.length] })
  }
  const servers = await openBoth(crm, read)
  // A second bare server: the difference between the two shows how exact the other ratios are.
  const second = await open(crm.bare)
  await repeat(SIZES.warmUp, () => read(second))

  progress('getCustomer, one call at a time')
  const { ours, bare, other } = await latency({ ...servers, other: second }, read, SIZES.latency)
  await second.end()
  progress(`getCustomer, ${CONCURRENT} concurrent calls`)
  const perSecond = await throughput(servers, read, { ...SIZES.load, concurrent: CONCURRENT })
  const rss = await rssOf(servers)
  await endBoth(servers)
  return [
    pairedRow('getCustomer, p50', pair(ours, bare, 'p50'), 'ms', 2, AT_MOST_1_15),
    pairedRow('getCustomer, p95', pair(ours, bare, 'p95'), 'ms', 2, AT_MOST_1_15),
    pairedRow('getCustomer, server CPU per call', pair(ours, bare, 'cpuMs'), 'ms', 2),
    pairedRow('(getCustomer, p50, second bare server against the first)', pair(other, bare, 'p50'), 'ms', 2),
    pairedRow(`getCustomer, ${CONCURRENT} concurrent calls`, perSecond, 'calls/s', 0),
    pairedRow('crm-reader, RSS after the load', rss, 'MB', 1),
  ]
}

async function measureWrites(tickets: Pair): Promise<Row[]> {
  let next = 0
  const create: MakeCall = server => {
    next += 1
    return callOrFail(server, 'createTicket', {
      subject: `Export ${next} is incomplete`,
      description: 'Since Monday, the CSV file always ends in the middle of a line.',
      priority: 'normal',
      customerEmail: 'ngozi.adeyemi@halvorsen.example',
    })
  }
  const servers = await openBoth(tickets, create)
  progress('createTicket, one call at a time')
  const { ours, bare } = await latency({ ...servers }, create, { rounds: SIZES.latency.rounds, calls: SIZES.writes })
  progress(`createTicket, ${CONCURRENT} concurrent calls`)
  const calls = SIZES.writes * 4
  const perSecond = await throughput(servers, create, { rounds: SIZES.load.rounds, calls, concurrent: CONCURRENT })
  const rss = await rssOf(servers)
  await endBoth(servers)
  return [
    pairedRow('createTicket, p50 (ours waits for the disk)', pair(ours, bare, 'p50'), 'ms', 2),
    pairedRow('createTicket, p95 (ours waits for the disk)', pair(ours, bare, 'p95'), 'ms', 2),
    pairedRow(`createTicket, ${CONCURRENT} concurrent calls`, perSecond, 'calls/s', 0),
    pairedRow('ticket-handler, RSS after the load', rss, 'MB', 1),
  ]
}

async function measureStarts(name: string, pair: Pair): Promise<Row[]> {
  progress(`${name}, start-up to the first tools/list`)
  const { wallMs, cpuMs, rssMb } = await startUp(pair, SIZES.starts)
  return [
    pairedRow(`${name}, start to first tools/list, wall`, wallMs, 'ms', 0),
    pairedRow(`${name}, start to first tools/list, CPU`, cpuMs, 'ms', 0, CPU),
    pairedRow(`${name}, RSS after the first tools/list`, rssMb, 'MB', 1, RSS),
  ]
}

function measureAudit(): Row[] {
  progress('the audit log alone')
  const { readUs, writeUs, fdatasyncUs } = auditCost(
    folder,
    quick ? { reads: 500, writes: 50 } : { reads: 5000, writes: 400 },
  )
  const show = (us: number): string => `${us.toFixed(1)} µs`
  return [
    {
      measure: 'audit log alone, one read (2 records), p50',
      ours: show(readUs),
      target: '≤ 10 µs',
      met: readUs <= 10,
    },
    {
      measure: 'audit log alone, one write (2 records, 1 fdatasync), p50',
      ours: show(writeUs),
      target: '≤ 10 µs + one fdatasync',
      met: writeUs <= fdatasyncUs + 10,
    },
    { measure: 'one fdatasync on this disk, p50', ours: show(fdatasyncUs) },
  ]
}

function measureFiles(): Row[] {
  return ['blog-publisher', 'crm-reader', 'ticket-handler'].map(server => {
    const mb = megabytes(statSync(entryPoint(server)).size)
    return { measure: `${server}, size of its file`, ours: `${mb.toFixed(2)} MB`, target: '≤ 2 MB', met: mb <= 2 }
  })
}

async function openBoth(pair: Pair, call: MakeCall): Promise<Servers> {
  progress('warming up')
  const servers = { ours: await open(pair.ours), bare: await open(pair.bare) }
  await repeat(SIZES.warmUp, () => call(servers.ours))
  await repeat(SIZES.warmUp, () => call(servers.bare))
  return servers
}

async function endBoth({ ours, bare }: Servers): Promise<void> {
  await Promise.all([ours.end(), bare.end()])
}

async function rssOf({ ours, bare }: Servers): Promise<{ ours: number[]; bare: number[] }> {
  const mb = async (server: RunningServer): Promise<number[]> => [megabytes((await usageOf(server)).rss)]
  return { ours: await mb(ours), bare: await mb(bare) }
}

async function repeat(times: number, work: () => Promise<void>): Promise<void> {
  for (let i = 0; i < times; i += 1) await work()
}

function progress(text: string): void {
  process.stderr.write(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${text}\n`)
}
