import type { Backend } from '@narrow-deputies/demo-stack'
import { isTerminal } from '../src/audit-soundness.ts'
import type { Acknowledged } from './caller.ts'
import type { Replica } from './replica.ts'
import type { Ended } from './work.ts'

export interface Run {
  readonly ended: readonly Ended[]
  readonly acknowledged: readonly Acknowledged[]
  readonly replicas: readonly Replica[]
  readonly backend: Backend
}

/** Everything that is wrong with what was done, told and recorded, a line each. */
export async function faultsOfRun(run: Run): Promise<string[]> {
  return [...faultsOfEffects(run), ...faultsOfRecords(run), ...(await faultsOfChains(run))]
}

/** Done once where somebody was told so, once at most where nobody knows, and never where it was refused. */
function faultsOfEffects({ ended, backend }: Run): string[] {
  return ended.flatMap(({ work, ending }) => {
    const told = ending.kind === 'failed' ? [`a ${work.kind} was refused: ${ending.code}`] : []
    const times = work.timesDone?.(backend)
    if (times === undefined) return ending.kind === 'unknown' ? [`a ${work.kind} has no answer`] : told
    if (times > 1) return [...told, `a ${work.kind} was done ${times} times`]
    if (ending.kind === 'done' && times === 0) return [`a ${work.kind} was said to be done and was not`]
    return told
  })
}

/** Whoever got a reply is on record with it; whatever reached the backend was intended first. */
function faultsOfRecords({ acknowledged, replicas, backend }: Run): string[] {
  const records = replicas.flatMap(({ trail }) => trail.records())
  const ends = new Map(records.filter(isTerminal).map(({ callId, ...record }) => [callId, record]))
  const outcomes = new Set([...ends.values()].filter(({ event }) => event === 'outcome').map(claimedTrace))
  const traces = new Set([...ends.values()].map(claimedTrace))
  const lost = acknowledged.filter(({ traceId, done }) => !(done ? outcomes : traces).has(traceId))
  const intents = new Map(records.flatMap(({ event, callId, time }) => (event === 'intent' ? [[callId, time]] : [])))
  const orphans = backend
    .requests()
    .filter(({ method, requestId, time }) => method !== 'GET' && !((intents.get(requestId ?? '') ?? '~') <= time))
  return [
    ...lost.map(({ traceId }) => `a reply has no record: ${traceId}`),
    ...orphans.map(({ method, url }) => `${method} ${url} has no intent before it`),
  ]
}

function claimedTrace({ trace }: { trace?: { traceId: string } }): string {
  return trace?.traceId ?? ''
}

async function faultsOfChains({ replicas }: Run): Promise<string[]> {
  const faults = await Promise.all(
    replicas.map(async ({ name, trail }) =>
      (await trail.verify()).findings.map(
        ({ kind, message }) => `the audit of ${name} does not hold: ${kind}: ${message}`,
      ),
    ),
  )
  const instances = replicas.map(({ trail }) => new Set(trail.records().map(({ instance }) => instance)))
  const all = instances.flatMap(set => [...set])
  return [...faults.flat(), ...(new Set(all).size === all.length ? [] : ['two processes go by one instance id'])]
}
