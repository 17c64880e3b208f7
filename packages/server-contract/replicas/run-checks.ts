import type { Backend } from '@narrow-deputies/demo-stack'
import { isTerminal } from '../src/audit-soundness.ts'
import type { AnsweredCall } from './caller.ts'
import type { Replica } from './replica.ts'
import type { FinishedTask } from './tasks.ts'

export interface Run {
  readonly finished: readonly FinishedTask[]
  readonly answered: readonly AnsweredCall[]
  readonly replicas: readonly Replica[]
  readonly backend: Backend
}

/** Compares the results, the replies and the audit records. Resolves to a line for each fault. */
export async function faultsOfRun(run: Run): Promise<string[]> {
  return [...faultsOfEffects(run), ...faultsOfRecords(run), ...(await faultsOfChains(run))]
}

/**
 * A write must be done once if its caller was told so, at most once if the result is unknown, and must not be refused.
 */
function faultsOfEffects({ finished, backend }: Run): string[] {
  return finished.flatMap(({ task, outcome }) => {
    const refusals = outcome.kind === 'failed' ? [`${task.kind}: refused with ${outcome.code}`] : []
    const times = task.timesDone?.(backend)
    if (times === undefined) return outcome.kind === 'unknown' ? [`${task.kind}: no reply`] : refusals
    if (times > 1) return [...refusals, `${task.kind}: done ${times} times`]
    if (outcome.kind === 'done' && times === 0) return [`${task.kind}: reported as done, but not done`]
    return refusals
  })
}

/** Every reply must have a record, and every write at the backend must have an earlier intent. */
function faultsOfRecords({ answered, replicas, backend }: Run): string[] {
  const records = replicas.flatMap(({ trail }) => trail.records())
  const ends = new Map(records.filter(isTerminal).map(({ callId, ...record }) => [callId, record]))
  const outcomes = new Set([...ends.values()].filter(({ event }) => event === 'outcome').map(claimedTrace))
  const traces = new Set([...ends.values()].map(claimedTrace))
  const lost = answered.filter(({ traceId, done }) => !(done ? outcomes : traces).has(traceId))
  const intents = new Map(records.flatMap(({ event, callId, time }) => (event === 'intent' ? [[callId, time]] : [])))
  const orphans = backend
    .requests()
    .filter(({ method, requestId, time }) => method !== 'GET' && !((intents.get(requestId ?? '') ?? '~') <= time))
  return [
    ...lost.map(({ traceId }) => `a reply has no record: trace ${traceId}`),
    ...orphans.map(({ method, url }) => `${method} ${url} has no earlier intent`),
  ]
}

function claimedTrace({ trace }: { trace?: { traceId: string } }): string {
  return trace?.traceId ?? ''
}

async function faultsOfChains({ replicas }: Run): Promise<string[]> {
  const faults = await Promise.all(
    replicas.map(async ({ name, trail }) =>
      (await trail.verify()).findings.map(
        ({ kind, message }) => `the audit log of ${name} is not valid: ${kind}: ${message}`,
      ),
    ),
  )
  const instances = replicas.map(({ trail }) => new Set(trail.records().map(({ instance }) => instance)))
  const all = instances.flatMap(set => [...set])
  return [...faults.flat(), ...(new Set(all).size === all.length ? [] : ['two replicas have the same instance id'])]
}
