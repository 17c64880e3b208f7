import type { EvidenceSource } from './evidence/evidence-source.ts'
import { type Finding, type Item, merge, type Result } from './finding.ts'
import { lookAgain } from './look.ts'
import { plain } from './plain-text.ts'
import { PROBES, REMOTE_PROBES } from './probes/index.ts'
import type { Door, Probing, SentCall } from './probes/probe.ts'
import { type ProbingOptions, startProbing } from './probing.ts'
import type { Report } from './report/report.ts'
import { judgeSurface } from './rules/judge.ts'
import { oddities } from './rules/oddities.ts'
import type { Neighbour } from './rules/rule.ts'
import { withoutSecrets } from './secret-like.ts'
import { secretsOf } from './secrets.ts'
import { SharedConnection } from './shared-connection.ts'
import type { Surface } from './surface.ts'
import { nameOf, type Target } from './target.ts'
import { type Asked, verdictOf } from './verdict.ts'
import { Visit } from './visit.ts'
import { WireError } from './wire/wire.ts'

export interface ExamineOptions extends ProbingOptions {
  readonly neighbours: readonly Neighbour[]
  /** Nothing is tried out: what the server shows is judged, and no more. */
  readonly onlyLook?: boolean
  /** What is known from files, judged once the probes are done. */
  readonly evidence: readonly EvidenceSource[]
  /** Milliseconds for everything. */
  readonly deadlineMs: number
  /** Ends it early: every connection is broken off, every process ended. */
  readonly signal?: AbortSignal
  readonly onProgress: (text: string) => void
}

/** How much of the time may go into looking: the rest is for trying it out. */
const LOOKING = 1 / 3

/** What a server shows to somebody whom it does not let in. */
const NO_SURFACE: Surface = {
  server: { name: '', version: '' },
  era: 'modern',
  instructions: '',
  capabilities: [],
  tools: [],
  oddities: [],
}

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
    const seen = await visit.firstLook(deadlineMs * LOOKING, () => onProgress('looking at its tools'))
    // A remote server that lets nobody in without a token is as it should be: its door can be tried.
    if (!seen) onProgress('it lets nobody in like this: to have its tools looked at, give --token-file')
    const surface = seen?.surface ?? NO_SURFACE
    const results: Result[] = []
    if (seen) results.push(await judgeSurface(surface, options.neighbours, target.kind === 'stdio'))
    const connection = seen && new SharedConnection(visit, seen.session)
    const started = connection && startProbing(options, visit, connection, surface)
    const probes = options.onlyLook ? [] : probesOf(options, started?.probing)
    /** Questions that were not asked to their end: that nothing was found says nothing. */
    const open = new Set<Item>()
    for (const [n, { item, run }] of probes.entries()) {
      if (!visit.isOver) {
        onProgress(`probing, ${n + 1} of ${probes.length}`)
        const { result, isDone } = await tried(run, visit)
        results.push(result)
        if (isDone && !visit.isOver && !started?.probing.isLate()) continue
      }
      open.add(item)
    }
    const findings = connection ? [...(await seenSince(connection, surface, visit))] : []
    if (visit.isOver) findings.push(late(deadlineMs))
    results.push({ findings, evidence: [] })
    const calls = started?.calls ?? []
    if (options.evidence.length > 0) onProgress('reading the evidence')
    for (const source of options.evidence) results.push(await source.judge(surface, calls))
    const result = shown(merge(results), target)
    return {
      target: plain(nameOf(target)),
      server: { name: plain(surface.server.name, 80), version: plain(surface.server.version, 40) },
      tools: surface.tools.map(({ name }) => plain(name, 80)),
      verdicts: verdictOf(result, askedOf(options, surface, started?.probing, calls, open)),
      findings: result.findings,
      durationMs: Math.round(performance.now() - startedAt),
    }
  } finally {
    await visit.end()
  }
}

/** Reports are passed around: what a server says of its secrets, or in them, is not. */
function shown({ findings, evidence }: Result, target: Target): Result {
  const secrets = secretsOf(target).map(([, value]) => value)
  return {
    findings: findings.map(finding => ({ ...finding, message: withoutSecrets(finding.message, secrets) })),
    evidence: evidence.map(each => ({ ...each, text: withoutSecrets(each.text, secrets) })),
  }
}

interface Trial {
  readonly item: Item
  readonly run: () => Promise<Result>
}

function probesOf({ target, timeoutMs }: ExamineOptions, probing: Probing | undefined): Trial[] {
  const own = probing ? PROBES.map(({ item, probe }) => ({ item, run: () => probe(probing) })) : []
  if (target.kind !== 'url') return own
  const door: Door = { url: target.url, token: target.token, foreignToken: target.foreignToken, timeoutMs }
  return [...own, ...REMOTE_PROBES.map(({ item, probe }) => ({ item, run: () => probe(door) }))]
}

/** A probe that breaks the connection is itself an answer: no server should end because of what a client sends. */
async function tried(probe: () => Promise<Result>, visit: Visit): Promise<{ result: Result; isDone: boolean }> {
  try {
    return { result: await visit.unlessOver(probe()), isDone: true }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    // Broken off by this side: nothing that could be held against the server.
    if (visit.isOver) return { result: { findings: [], evidence: [] }, isDone: false }
    const message = `a probe got no answer: ${error.message}`
    return { result: { findings: [{ code: 'BROKE_OFF', message }], evidence: [] }, isDone: false }
  }
}

/** What is strange about it after all that was tried; not listing its tools any longer is a break as well. */
async function seenSince({ session }: SharedConnection, surface: Surface, visit: Visit): Promise<Finding[]> {
  try {
    return oddities({ ...surface, oddities: await lookAgain(session, surface, visit.leftMs) }, [])
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    if (visit.isOver) return []
    if (error.fault === 'too-large') return oddities({ ...surface, oddities: session.wire.oddities }, [])
    return [{ code: 'BROKE_OFF', message: `afterwards it did not list its tools any longer: ${error.message}` }]
  }
}

function late(ms: number): Finding {
  return { code: 'TOO_SLOW', message: `not everything could be tried within ${Math.round(ms / 1000)} s` }
}

/** A question is asked if something could have answered it with no. */
function askedOf(
  { evidence }: ExamineOptions,
  surface: Surface,
  probing: Probing | undefined,
  calls: readonly SentCall[],
  open: ReadonlySet<Item>,
): Asked {
  const has = (item: 3 | 4 | 5 | 7): boolean => evidence.some(({ items }) => items.includes(item))
  const isSeen = probing !== undefined
  // Where no call at all got through, nobody knows what the handler enforces: it may refuse everything for another reason.
  const worked = (name: string): boolean =>
    probing?.heard.some(({ tool, outcome }) => tool === name && outcome !== 'refused') === true
  return {
    1: isSeen,
    2: isSeen && surface.tools.length > 0 && surface.tools.every(({ name }) => worked(name)),
    3: has(3),
    4: has(4),
    // That refusals are on record says nothing of what is carried out.
    5: has(5) && calls.some(({ refused }) => !refused),
    6: isSeen && !open.has(6),
    7: has(7) && isSeen,
    8: !open.has(8),
  }
}
