import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiAccess, type Backend, type LoggedRequest, startBackend } from '@narrow-deputies/demo-stack'
import { AuditTrail } from './audit-trail.ts'
import { type ClientLine, type Connected, connect, type Human, YES } from './clients.ts'
import { type Era, RunningServer } from './running-server.ts'
import type { ServerSubject, ToolSubject } from './subject.ts'

/** A server process and its audit files. */
export interface Launched {
  readonly server: RunningServer
  readonly trail: AuditTrail
}

export interface LaunchOptions {
  readonly env?: Record<string, string>
  readonly args?: string[]
  /** The file to run. The default is the subject's entry. */
  readonly entry?: string
  /** The working directory of the process. */
  readonly cwd?: string
  /** Command-line options for Node.js. */
  readonly node?: readonly string[]
  /**
   * `intact`: the audit files have to verify after the last test. `damaged`: they do not. `none`: there are none, or
   * they cannot be read.
   */
  readonly audit?: 'intact' | 'damaged' | 'none'
}

/** A file outside the server's folder, which the server must never read. */
const OUTSIDE = 'outside.md'

/** The test environment of one server: a real backend, a folder, and every server process that the tests start. */
export class World {
  readonly subject: ServerSubject
  /** Every process that the tests started, except those that an SDK client started. */
  readonly servers: RunningServer[] = []
  /** All audit files. */
  readonly trails: AuditTrail[] = []
  /** The audit files that have to verify after the last test. */
  readonly intactTrails: AuditTrail[] = []
  /** A text that must not appear in any log or audit file. */
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

  /** The folder that the server may read. */
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

  /** The URL and the key of the API that the server uses. */
  get access(): ApiAccess {
    return this.backend[this.subject.api]
  }

  /** Creates an empty folder. */
  emptyFolder(): string {
    return mkdtempSync(join(this.folder, 'empty-'))
  }

  /** A complete configuration with an audit file of its own. */
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

  /** Starts a server process and sends it nothing. */
  launch(options: LaunchOptions = {}): Launched {
    const { env: overrides, args, entry = this.subject.entry, cwd, node, audit = 'intact' } = options
    const env = this.env(overrides)
    const server = new RunningServer(entry, env, args, { cwd, node })
    this.servers.push(server)
    return { server, trail: this.#trailOf(env, audit) }
  }

  /** Starts a server through an SDK client, as an MCP host does. */
  async connect(
    line: ClientLine,
    human?: Human,
    overrides?: Record<string, string>,
  ): Promise<{ client: Connected; trail: AuditTrail }> {
    const env = this.env(overrides)
    return { client: await connect(line, this.subject.entry, env, human), trail: this.#trailOf(env, 'intact') }
  }

  /** Starts a server and opens the connection as a client whose user confirms every write. */
  async start(era: Era, options: LaunchOptions = {}): Promise<Launched> {
    const launched = this.launch(options)
    launched.server.onRequest = ({ method }) => (method === 'elicitation/create' ? YES : undefined)
    await launched.server.open(era, { elicitation: {} })
    return launched
  }

  /** Valid arguments of a tool, new in each call. */
  valid(tool: ToolSubject): Record<string, unknown> {
    this.#fresh += 1
    return tool.valid({ folder: this.own, n: this.#fresh })
  }

  /** Runs some work. Resolves to the requests that the real backend received meanwhile. */
  async arrivals(work: () => unknown): Promise<LoggedRequest[]> {
    const before = this.backend.requests().length
    await work()
    return this.backend.requests().slice(before)
  }

  /** The audit files of a server that was started with this configuration. */
  trailOf(env: Record<string, string>): AuditTrail {
    return this.#trailOf(env, 'intact')
  }

  #trailOf({ AUDIT_FILE, XDG_STATE_HOME = '' }: Record<string, string>, audit: LaunchOptions['audit']): AuditTrail {
    const file = AUDIT_FILE || join(XDG_STATE_HOME, 'narrow-deputies', this.subject.name, 'audit.jsonl')
    const trail = new AuditTrail(file, this.auditKey)
    const isNew = (trails: AuditTrail[]): boolean => !trails.some(other => other.file === file)
    if (audit !== 'none' && isNew(this.trails)) this.trails.push(trail)
    if (audit === 'intact' && isNew(this.intactTrails)) this.intactTrails.push(trail)
    return trail
  }
}
