import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiAccess, type Backend, type LoggedRequest, startBackend } from '@narrow-deputies/demo-stack'
import { AuditTrail } from './audit-trail.ts'
import { type ClientLine, type Connected, connect, type Human, YES } from './clients.ts'
import { type Era, RunningServer } from './running-server.ts'
import type { ServerSubject, ToolSubject } from './subject.ts'

/** A server process and the audit files that it writes. */
export interface Launched {
  readonly server: RunningServer
  readonly trail: AuditTrail
}

export interface LaunchOptions {
  readonly env?: Record<string, string>
  readonly args?: string[]
  /** Another entry than the subject's. */
  readonly entry?: string
  /** Its working folder. */
  readonly cwd?: string
  /** Options of Node's own. */
  readonly node?: readonly string[]
  /** `damaged`: its audit files need not hold in the end. `none`: there are none, or nobody can read them. */
  readonly audit?: 'sound' | 'damaged' | 'none'
}

/** Stands beside the subject's folder: whoever gets out of that can read it. */
const OUTSIDE = 'outside.md'

/** Where one server's contract runs: a real backend, a folder, and every server process that was started. */
export class World {
  readonly subject: ServerSubject
  /** Every process that was started, but for those behind an SDK's client. */
  readonly servers: RunningServer[] = []
  /** All audit files. */
  readonly trails: AuditTrail[] = []
  /** Those that are meant to hold against every check in the end. */
  readonly soundTrails: AuditTrail[] = []
  /** Text that may turn up nowhere. */
  readonly canary = `c4n4ry${Math.random().toString(36).slice(2)}`
  readonly auditKey = 'c0ffee15'.repeat(8)
  #backend: Backend | undefined
  #folder = ''
  #fresh = 0

  constructor(subject: ServerSubject) {
    this.subject = subject
  }

  async open(): Promise<void> {
    this.#folder = realpathSync(mkdtempSync(join(tmpdir(), `contract-${this.subject.name}-`)))
    mkdirSync(this.own)
    writeFileSync(join(this.folder, OUTSIDE), `# ${this.canary}\n`)
    this.#backend = await startBackend({ rateLimit: { max: 100_000, windowMs: 60_000 } })
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map(server => server.kill('SIGKILL')))
    await this.#backend?.close()
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true })
  }

  get folder(): string {
    return this.#folder
  }

  /** The subject's own folder. */
  get own(): string {
    return join(this.folder, 'own')
  }

  get outside(): string {
    return join(this.folder, OUTSIDE)
  }

  get backend(): Backend {
    if (!this.#backend) throw new Error('the world is not open')
    return this.#backend
  }

  /** The real API that the subject is for. */
  get access(): ApiAccess {
    return this.backend[this.subject.api]
  }

  /** A folder that nothing is in. */
  emptyFolder(): string {
    return mkdtempSync(join(this.folder, 'empty-'))
  }

  /** A whole configuration, with audit files that no other one has. */
  env(overrides: Record<string, string> = {}): Record<string, string> {
    const { prefix, settings } = this.subject
    const state = this.emptyFolder()
    return {
      XDG_STATE_HOME: state,
      [`${prefix}_API_URL`]: this.access.url,
      [`${prefix}_API_KEY`]: this.access.key,
      ...settings?.(this.own),
      AUDIT_FILE: join(state, 'audit.jsonl'),
      AUDIT_KEY: this.auditKey,
      ...overrides,
    }
  }

  launch(options: LaunchOptions = {}): Launched {
    const { env: overrides, args, entry = this.subject.entry, cwd, node, audit = 'sound' } = options
    const env = this.env(overrides)
    const server = new RunningServer(entry, env, args, { cwd, node })
    this.servers.push(server)
    return { server, trail: this.#trailOf(env, audit) }
  }

  /** Starts a server behind a client as hosts have them. */
  async connect(
    line: ClientLine,
    human?: Human,
    overrides?: Record<string, string>,
  ): Promise<{ client: Connected; trail: AuditTrail }> {
    const env = this.env(overrides)
    return { client: await connect(line, this.subject.entry, env, human), trail: this.#trailOf(env, 'sound') }
  }

  /** Starts a server and greets it as a client whose human agrees to everything. */
  async start(era: Era, options: LaunchOptions = {}): Promise<Launched> {
    const launched = this.launch(options)
    launched.server.onRequest = ({ method }) => (method === 'elicitation/create' ? YES : undefined)
    await launched.server.open(era, { elicitation: {} })
    return launched
  }

  /** Arguments of a tool that work. */
  valid(tool: ToolSubject): Record<string, unknown> {
    this.#fresh += 1
    return tool.valid({ folder: this.own, n: this.#fresh })
  }

  /** What arrived at the real backend while some work was done. */
  async arrivals(work: () => unknown): Promise<LoggedRequest[]> {
    const before = this.backend.requests().length
    await work()
    return this.backend.requests().slice(before)
  }

  /** The audit files that a server with this configuration writes. */
  trailOf(env: Record<string, string>): AuditTrail {
    return this.#trailOf(env, 'sound')
  }

  #trailOf({ AUDIT_FILE, XDG_STATE_HOME = '' }: Record<string, string>, audit: LaunchOptions['audit']): AuditTrail {
    const file = AUDIT_FILE || join(XDG_STATE_HOME, 'narrow-deputies', this.subject.name, 'audit.jsonl')
    const trail = new AuditTrail(file, this.auditKey)
    const isNew = (trails: AuditTrail[]): boolean => !trails.some(other => other.file === file)
    if (audit !== 'none' && isNew(this.trails)) this.trails.push(trail)
    if (audit === 'sound' && isNew(this.soundTrails)) this.soundTrails.push(trail)
    return trail
  }
}
