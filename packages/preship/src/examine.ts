import { randomUUID } from 'node:crypto'
import { type Finding, merge, type Result } from './finding.ts'
import { look } from './look.ts'
import { plain } from './plain-text.ts'
import { PROBES, REMOTE_PROBES } from './probes/index.ts'
import { type Door, type Heard, isRefusal, type Probe, type Probing, type SentCall } from './probes/probe.ts'
import { textOf } from './probes/reply-text.ts'
import type { Report } from './report/report.ts'
import { RULES } from './rules/index.ts'
import type { Neighbour } from './rules/rule.ts'
import { type JsonObject, objectOf, type Surface } from './surface.ts'
import { connect, nameOf, type Target } from './target.ts'
import { type Asked, verdictOf } from './verdict.ts'
import { openSession, type Session } from './wire/session.ts'
import { type Message, type Wire, WireError } from './wire/wire.ts'

export interface ExamineOptions {
  readonly target: Target
  /** Whether tools that write may be called, too: only for a server in a sandbox. */
  readonly mayWrite: boolean
  readonly neighbours: readonly Neighbour[]
  /** What is known from files, judged once the probes are done. */
  readonly evidence: readonly EvidenceSource[]
  /** Arguments that work, by tool, for a server whose own words do not lead to any. */
  readonly examples?: Readonly<Record<string, JsonObject>>
  /** Milliseconds for one reply. */
  readonly timeoutMs: number
  /** Milliseconds for everything. */
  readonly deadlineMs: number
  readonly onProgress: (text: string) => void
}

/** Something beside the server itself that speaks for or against it. */
export interface EvidenceSource {
  /** Which questions it asks. */
  readonly items: readonly (3 | 4 | 5 | 7)[]
  judge(surface: Surface, calls: readonly SentCall[]): Promise<Result> | Result
}

/** What a server shows to somebody whom it does not let in. */
const NO_SURFACE: Surface = {
  server: { name: '', version: '' },
  era: 'modern',
  instructions: '',
  capabilities: [],
  tools: [],
  oddities: [],
}

/** Connects to a server, looks at it, tries it out and answers the eight questions. @throws {WireError} */
export async function examine(options: ExamineOptions): Promise<Report> {
  const startedAt = performance.now()
  const { target, timeoutMs, onProgress } = options
  const isLate = (): boolean => performance.now() - startedAt > options.deadlineMs
  onProgress('connecting')
  const connection = await Connection.open(target, timeoutMs)
  try {
    const results: Result[] = []
    let surface = NO_SURFACE
    let probing: Probing | undefined
    let calls: readonly SentCall[] = []
    if (connection) {
      onProgress('looking at its tools')
      surface = await look(connection.session)
      results.push({ findings: RULES.flatMap(rule => rule(surface, options.neighbours)), evidence: [] })
      const started = startProbing(options, connection, surface, isLate)
      probing = started.probing
      calls = started.calls
    }
    const probes = probesOf(target, timeoutMs, probing)
    for (const [n, probe] of probes.entries()) {
      if (isLate()) break
      onProgress(`probing, ${n + 1} of ${probes.length}`)
      results.push(await tried(probe))
    }
    if (isLate()) results.push({ findings: [late(options.deadlineMs)], evidence: [] })
    onProgress('reading the evidence')
    for (const source of options.evidence) results.push(await source.judge(surface, calls))
    const result = merge(results)
    return {
      target: plain(nameOf(target)),
      server: { name: plain(surface.server.name, 80), version: plain(surface.server.version, 40) },
      tools: surface.tools.map(({ name }) => plain(name, 80)),
      verdicts: verdictOf(result, askedOf(options, surface, probing, calls)),
      findings: result.findings,
      durationMs: Math.round(performance.now() - startedAt),
    }
  } finally {
    await connection?.wire.close()
  }
}

/** The connection that probes share; it is made anew when one of them broke it. */
class Connection {
  readonly #target: Target
  readonly #timeoutMs: number
  session: Session
  wire: Wire
  /** How often the server asked its person something. */
  asked = 0

  private constructor(target: Target, timeoutMs: number, wire: Wire, session: Session) {
    this.#target = target
    this.#timeoutMs = timeoutMs
    this.wire = wire
    this.session = session
    this.#decline()
  }

  /** Undefined if a remote server lets nobody in without a token, which is as it should be. @throws {WireError} */
  static async open(target: Target, timeoutMs: number): Promise<Connection | undefined> {
    const wire = connect(target)
    try {
      return new Connection(target, timeoutMs, wire, await openSession(wire, timeoutMs, { elicitation: {} }))
    } catch (error) {
      await wire.close()
      const isShut = error instanceof WireError && (error.status === 401 || error.status === 403)
      if (target.kind === 'url' && isShut) return undefined
      throw error
    }
  }

  async renew(): Promise<void> {
    await this.wire.close()
    this.wire = connect(this.#target)
    this.session = await openSession(this.wire, this.#timeoutMs, { elicitation: {} })
    this.#decline()
  }

  /** Nobody is there to say yes. */
  #decline(): void {
    this.wire.onAsked = ({ method }) => {
      if (method !== 'elicitation/create') return undefined
      this.asked += 1
      return { action: 'decline' }
    }
  }
}

function startProbing(options: ExamineOptions, connection: Connection, surface: Surface, isLate: () => boolean) {
  const { target, mayWrite, timeoutMs, examples = {} } = options
  const calls: SentCall[] = []
  const heard: Heard[] = []
  const probing: Probing = {
    target,
    surface,
    get session() {
      return connection.session
    },
    callable: surface.tools.filter(({ annotations }) => mayWrite || annotations.readOnlyHint === true),
    examples,
    heard,
    timeoutMs,
    isLate,
    async call(tool, args, { extra = {}, session, traceId = randomUUID().replaceAll('-', '') } = {}) {
      const at = Date.now()
      const _meta = { traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01` }
      const askedBefore = connection.asked
      let refused = true
      try {
        const params = { name: tool, ...(args !== undefined && { arguments: args }), ...extra, _meta }
        const message: Message = await (session ?? connection.session).request('tools/call', params)
        refused = isRefusal(message)
        const isAsking = objectOf(message.result).resultType === 'input_required' || connection.asked > askedBefore
        const outcome = isAsking ? 'asked' : refused ? 'refused' : 'done'
        const text = textOf(message)
        const result = message.result === undefined ? undefined : objectOf(message.result)
        const sent = (JSON.stringify(args) ?? '').slice(0, 20_000)
        if (heard.length < MAX_HEARD) heard.push({ tool, sent, outcome, text, result })
        return { outcome, message, text, traceId }
      } catch (error) {
        if (session === undefined && error instanceof WireError && error.fault === 'closed') await connection.renew()
        throw error
      } finally {
        calls.push({ tool, args, at, traceId, refused })
      }
    },
    async open(abilities) {
      const other = connect(target)
      try {
        return await openSession(other, timeoutMs, abilities)
      } catch (error) {
        await other.close()
        throw error
      }
    },
  }
  return { probing, calls }
}

const MAX_HEARD = 5_000

function probesOf(target: Target, timeoutMs: number, probing: Probing | undefined): (() => Promise<Result>)[] {
  const own = probing ? PROBES.map((probe: Probe) => () => probe(probing)) : []
  if (target.kind !== 'url') return own
  const door: Door = { url: target.url, token: target.token, foreignToken: target.foreignToken, timeoutMs }
  return [...own, ...REMOTE_PROBES.map(probe => () => probe(door))]
}

/** A probe that breaks the connection is itself an answer: no server should end because of what a client sends. */
async function tried(probe: () => Promise<Result>): Promise<Result> {
  try {
    return await probe()
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return { findings: [{ code: 'BROKE_OFF', message: `a probe got no answer: ${error.message}` }], evidence: [] }
  }
}

function late(ms: number): Finding {
  return { code: 'TOO_SLOW', message: `not everything could be tried within ${Math.round(ms / 1000)} s` }
}

/** A question is asked if something could have answered it with no. */
function askedOf(
  { evidence, target }: ExamineOptions,
  surface: Surface,
  probing: Probing | undefined,
  calls: readonly SentCall[],
): Asked {
  const has = (item: 3 | 4 | 5 | 7): boolean => evidence.some(({ items }) => items.includes(item))
  const isSeen = probing !== undefined
  return {
    1: isSeen,
    2: isSeen && surface.tools.length > 0 && probing.callable.length === surface.tools.length,
    3: has(3),
    4: has(4),
    5: has(5) && calls.length > 0,
    6: isSeen,
    7: has(7) && isSeen,
    8: target.kind === 'stdio' || target.kind === 'url',
  }
}
