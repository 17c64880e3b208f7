import { randomUUID } from 'node:crypto'
import { type Finding, merge, type Result } from './finding.ts'
import { lookAgain } from './look.ts'
import { plain } from './plain-text.ts'
import { PROBES, REMOTE_PROBES } from './probes/index.ts'
import { isRefusal, type Probe, type Probing, type SentCall } from './probes/probe.ts'
import type { Report } from './report/report.ts'
import { RULES } from './rules/index.ts'
import { oddities } from './rules/oddities.ts'
import type { Neighbour } from './rules/rule.ts'
import type { Surface } from './surface.ts'
import { nameOf, type Target } from './target.ts'
import { type Asked, verdictOf } from './verdict.ts'
import { Visit } from './visit.ts'
import type { Session } from './wire/session.ts'
import { type Message, WireError } from './wire/wire.ts'

export interface ExamineOptions {
  readonly target: Target
  /** Whether tools that write may be called, too: only for a server in a sandbox. */
  readonly mayWrite: boolean
  readonly neighbours: readonly Neighbour[]
  /** Nothing is tried out: what the server shows is judged, and no more. */
  readonly onlyLook?: boolean
  /** What is known from files, judged once the probes are done. */
  readonly evidence: readonly EvidenceSource[]
  /** Milliseconds for one reply. */
  readonly timeoutMs: number
  /** Milliseconds for everything. */
  readonly deadlineMs: number
  /** Ends it early: every connection is broken off, every process ended. */
  readonly signal?: AbortSignal
  readonly onProgress: (text: string) => void
}

/** Something beside the server itself that speaks for or against it. */
export interface EvidenceSource {
  /** Which questions it asks. */
  readonly items: readonly (3 | 4 | 5 | 7)[]
  judge(surface: Surface, calls: readonly SentCall[]): Promise<Result> | Result
}

/** How much of the time may go into looking: the rest is for trying it out. */
const LOOKING = 1 / 3

/**
 * Connects to a server, looks at it, tries it out and answers the eight questions.
 *
 * @throws {UnexaminableError}
 */
export async function examine(options: ExamineOptions): Promise<Report> {
  const startedAt = performance.now()
  const { target, deadlineMs, onProgress } = options
  const visit = new Visit(options)
  try {
    onProgress('connecting')
    const { session, surface } = await visit.firstLook(deadlineMs * LOOKING, () => onProgress('looking at its tools'))
    const stated = RULES.flatMap(rule => rule(surface, options.neighbours))
    const { probing, calls } = startProbing(options, visit, session, surface)
    const results: Result[] = [{ findings: stated, evidence: [] }]
    const probes = options.onlyLook ? [] : target.kind === 'url' ? [...PROBES, ...REMOTE_PROBES] : PROBES
    for (const [n, probe] of probes.entries()) {
      if (visit.isOver) break
      onProgress(`probing, ${n + 1} of ${probes.length}`)
      results.push(await tried(probe, probing, visit))
    }
    const findings = await seenSince(session, surface, visit)
    if (visit.isOver) findings.push(late(deadlineMs))
    results.push({ findings, evidence: [] })
    if (options.evidence.length > 0) onProgress('reading the evidence')
    for (const source of options.evidence) results.push(await source.judge(surface, calls))
    const result = merge(results)
    return {
      target: plain(nameOf(target)),
      server: { name: plain(surface.server.name, 80), version: plain(surface.server.version, 40) },
      tools: surface.tools.map(({ name }) => plain(name, 80)),
      verdicts: verdictOf(result, askedOf(options, surface, probing)),
      findings: result.findings,
      durationMs: Math.round(performance.now() - startedAt),
    }
  } finally {
    await visit.end()
  }
}

function startProbing(
  { target, mayWrite, timeoutMs }: ExamineOptions,
  visit: Visit,
  session: Session,
  surface: Surface,
) {
  const calls: SentCall[] = []
  const probing: Probing = {
    target,
    surface,
    session,
    callable: surface.tools.filter(({ annotations }) => mayWrite || annotations.readOnlyHint === true),
    timeoutMs,
    async call(tool, args, extra = {}) {
      const traceId = randomUUID().replaceAll('-', '')
      const at = Date.now()
      const _meta = { traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01` }
      let refused = true
      try {
        const params = { name: tool, ...(args !== undefined && { arguments: args }), ...extra, _meta }
        const reply: Message = await session.request('tools/call', params)
        refused = isRefusal(reply)
        return reply
      } finally {
        calls.push({ tool, args, at, traceId, refused })
      }
    },
    open: abilities => visit.open(abilities),
  }
  return { probing, calls }
}

/** A probe that breaks the connection is itself an answer: no server should end because of what a client sends. */
async function tried(probe: Probe, probing: Probing, visit: Visit): Promise<Result> {
  try {
    return await probe(probing)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    // Broken off by this side: nothing that could be held against the server.
    if (visit.isOver) return { findings: [], evidence: [] }
    return { findings: [{ code: 'BROKE_OFF', message: `a probe got no answer: ${error.message}` }], evidence: [] }
  }
}

/** What is strange about it after all that was tried; not listing its tools any longer is a break as well. */
async function seenSince(session: Session, surface: Surface, visit: Visit): Promise<Finding[]> {
  try {
    return oddities({ ...surface, oddities: await lookAgain(session, surface, visit.leftMs) }, [])
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    if (visit.isOver) return []
    return [{ code: 'BROKE_OFF', message: `afterwards it did not list its tools any longer: ${error.message}` }]
  }
}

function late(ms: number): Finding {
  return { code: 'TOO_SLOW', message: `not everything could be tried within ${Math.round(ms / 1000)} s` }
}

/** A question is asked if something could have answered it with no. */
function askedOf({ evidence, target }: ExamineOptions, surface: Surface, { callable }: Probing): Asked {
  const has = (item: 3 | 4 | 5 | 7): boolean => evidence.some(({ items }) => items.includes(item))
  return {
    1: true,
    2: surface.tools.length > 0 && callable.length === surface.tools.length,
    3: has(3),
    4: has(4),
    5: has(5),
    6: true,
    7: has(7),
    8: target.kind === 'stdio' || target.kind === 'url',
  }
}
