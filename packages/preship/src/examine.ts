import { Connections } from './connections.ts'
import type { EvidenceSource } from './evidence/evidence-source.ts'
import { type Finding, type Item, merge, type Result } from './finding.ts'
import { inspectAgain } from './inspect.ts'
import { createProbeContext, type ProbeContextOptions } from './probe-context.ts'
import { PROBES, REMOTE_PROBES } from './probes/index.ts'
import type { ProbeContext, RemoteEndpoint, SentCall } from './probes/probe.ts'
import type { Report } from './report/report.ts'
import { anomalies } from './rules/anomalies.ts'
import { judgeSurface } from './rules/judge.ts'
import type { Neighbour } from './rules/rule.ts'
import { sanitize } from './sanitize.ts'
import { redactSecrets } from './secret-like.ts'
import { secretsOf } from './secrets.ts'
import { SharedConnection } from './shared-connection.ts'
import type { Surface } from './surface.ts'
import { nameOf, type Target } from './target.ts'
import { type Tested, verdictOf } from './verdict.ts'
import { WireError } from './wire/wire.ts'

export interface ExamineOptions extends ProbeContextOptions {
  readonly neighbours: readonly Neighbour[]
  /** Only reads and judges what the server presents; runs no probes. */
  readonly inspectOnly?: boolean
  /** Evidence from files, judged after the probes. */
  readonly evidence: readonly EvidenceSource[]
  /** Timeout for the whole run, in milliseconds. */
  readonly deadlineMs: number
  /** Aborts the examination: closes every connection and ends every process. */
  readonly signal?: AbortSignal
  readonly onProgress: (text: string) => void
}

/** The share of the time limit for reading the tool list. The rest is for the probes. */
const INSPECTION_SHARE = 1 / 3

/** The surface of a server that refuses clients without a token. */
const EMPTY_SURFACE: Surface = {
  server: { name: '', version: '' },
  era: 'modern',
  instructions: '',
  capabilities: [],
  tools: [],
  anomalies: [],
}

/**
 * Connects to a server, reads its tools, runs the probes and answers the eight questions.
 *
 * @throws {UnexaminableError}
 */
export async function examine(options: ExamineOptions): Promise<Report> {
  const startedAt = performance.now()
  const { target, deadlineMs, onProgress } = options
  const connections = new Connections(options)
  try {
    onProgress('connecting')
    const inspected = await connections.connectAndInspect(deadlineMs * INSPECTION_SHARE, () =>
      onProgress('reading the tool list'),
    )
    // A remote server is expected to refuse clients without a token. Its authorization can be tested anyway.
    if (!inspected) onProgress('the server requires an access token: pass --token-file to examine its tools')
    const surface = inspected?.surface ?? EMPTY_SURFACE
    const results: Result[] = []
    if (inspected) results.push(await judgeSurface(surface, options.neighbours, target.kind === 'stdio'))
    const connection = inspected && new SharedConnection(connections, inspected.session)
    const started = connection && createProbeContext(options, connections, connection, surface)
    const probes = options.inspectOnly ? [] : probesOf(options, started?.context)
    /** Questions whose probes did not finish. Without findings, these are not a “pass”. */
    const unfinished = new Set<Item>()
    for (const [n, { item, run }] of probes.entries()) {
      if (!connections.isOver) {
        onProgress(`running probe ${n + 1} of ${probes.length}`)
        const { result, isDone } = await runProbe(run, connections)
        results.push(result)
        if (isDone && !connections.isOver && !started?.context.shouldStop()) continue
      }
      unfinished.add(item)
    }
    const findings = connection ? [...(await anomaliesAfterProbes(connection, surface, connections))] : []
    if (connections.isOver) findings.push(timeLimitFinding(deadlineMs))
    results.push({ findings, evidence: [] })
    const calls = started?.calls ?? []
    if (options.evidence.length > 0) onProgress('reading the evidence files')
    for (const source of options.evidence) results.push(await source.judge(surface, calls))
    const result = redacted(merge(results), target)
    return {
      target: sanitize(nameOf(target)),
      server: { name: sanitize(surface.server.name, 80), version: sanitize(surface.server.version, 40) },
      tools: surface.tools.map(({ name }) => sanitize(name, 80)),
      verdicts: verdictOf(result, testedQuestions(options, surface, started?.context, calls, unfinished)),
      findings: result.findings,
      durationMs: Math.round(performance.now() - startedAt),
    }
  } finally {
    await connections.end()
  }
}

/** Removes secrets: reports are shared with others, and a server’s replies may contain its credential. */
function redacted({ findings, evidence }: Result, target: Target): Result {
  const secrets = secretsOf(target).map(([, value]) => value)
  return {
    findings: findings.map(finding => ({ ...finding, message: redactSecrets(finding.message, secrets) })),
    evidence: evidence.map(each => ({ ...each, text: redactSecrets(each.text, secrets) })),
  }
}

interface ProbeRun {
  readonly item: Item
  readonly run: () => Promise<Result>
}

function probesOf({ target, timeoutMs }: ExamineOptions, context: ProbeContext | undefined): ProbeRun[] {
  const own = context ? PROBES.map(({ item, probe }) => ({ item, run: () => probe(context) })) : []
  if (target.kind !== 'url') return own
  const endpoint: RemoteEndpoint = {
    url: target.url,
    token: target.token,
    foreignToken: target.foreignToken,
    timeoutMs,
  }
  return [...own, ...REMOTE_PROBES.map(({ item, probe }) => ({ item, run: () => probe(endpoint) }))]
}

/** Runs one probe. If it breaks the connection, that is a finding: no client message should end a server. */
async function runProbe(
  probe: () => Promise<Result>,
  connections: Connections,
): Promise<{ result: Result; isDone: boolean }> {
  try {
    return { result: await connections.unlessOver(probe()), isDone: true }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    // preship itself closed the connection, so this is not the server’s fault.
    if (connections.isOver) return { result: { findings: [], evidence: [] }, isDone: false }
    const message = `a probe received no answer: ${error.message}`
    return { result: { findings: [{ code: 'BROKE_OFF', message }], evidence: [] }, isDone: false }
  }
}

/**
 * Reads the tool list again after the probes, and reports what changed. A server that no longer answers is a finding.
 */
async function anomaliesAfterProbes(
  { session }: SharedConnection,
  surface: Surface,
  connections: Connections,
): Promise<Finding[]> {
  try {
    return anomalies({ ...surface, anomalies: await inspectAgain(session, surface, connections.leftMs) }, [])
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    if (connections.isOver) return []
    if (error.fault === 'too-large') return anomalies({ ...surface, anomalies: session.wire.anomalies }, [])
    return [{ code: 'BROKE_OFF', message: `after the probes, the server no longer listed its tools: ${error.message}` }]
  }
}

function timeLimitFinding(ms: number): Finding {
  return { code: 'TOO_SLOW', message: `not all probes finished within ${Math.round(ms / 1000)} s` }
}

/** A question counts as tested if the examination could have answered it with “fail”. */
function testedQuestions(
  { evidence }: ExamineOptions,
  surface: Surface,
  context: ProbeContext | undefined,
  calls: readonly SentCall[],
  unfinished: ReadonlySet<Item>,
): Tested {
  const has = (item: 3 | 4 | 5 | 7): boolean => evidence.some(({ items }) => items.includes(item))
  const isInspected = context !== undefined
  // If every call of a tool was refused, its refusals may have another reason, so they prove nothing about the handler.
  const worked = (name: string): boolean =>
    context?.replies.some(({ tool, outcome }) => tool === name && outcome !== 'refused') === true
  return {
    1: isInspected,
    2: isInspected && surface.tools.length > 0 && surface.tools.every(({ name }) => worked(name)),
    3: has(3),
    4: has(4),
    // Recorded refusals do not show that executed calls are recorded.
    5: has(5) && calls.some(({ refused }) => !refused),
    6: isInspected && !unfinished.has(6),
    7: has(7) && isInspected,
    8: !unfinished.has(8),
  }
}
