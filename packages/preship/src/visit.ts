import { look } from './look.ts'
import { plain } from './plain-text.ts'
import { withoutSecrets } from './secret-like.ts'
import { secretsOf } from './secrets.ts'
import type { Era, Surface } from './surface.ts'
import { connect, type Target } from './target.ts'
import { type Abilities, openSession, type Session } from './wire/session.ts'
import { type Wire, WireError } from './wire/wire.ts'

export interface VisitOptions {
  readonly target: Target
  /** Milliseconds for one reply. */
  readonly timeoutMs: number
  /** Milliseconds for everything. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

/** A server about which nothing can be said; the message says why. */
export class UnexaminableError extends Error {
  override name = 'UnexaminableError'
}

const STDERR_LINES = 5
/** A client through which a person can be asked. */
const ASKING: Abilities = { elicitation: {} }

/** All connections to one server. Each ends when the time is up, when somebody has had enough, or at the end. */
export class Visit {
  readonly #options: VisitOptions
  readonly #startedAt = performance.now()
  readonly #wires = new Set<Wire>()
  readonly #timer: NodeJS.Timeout
  readonly #onAbort = (): void => this.#breakOff(new WireError('closed', 'it was broken off'))
  #era: Era | undefined
  #over: WireError | undefined
  #reject: (error: WireError) => void = () => {}
  readonly #brokenOff = new Promise<never>((_, reject) => {
    this.#reject = reject
  })

  constructor(options: VisitOptions) {
    this.#options = options
    this.#brokenOff.catch(() => {})
    const { deadlineMs, signal } = options
    const isUp = (): void => this.#breakOff(new WireError('timeout', 'the time for everything is up'))
    this.#timer = setTimeout(isUp, deadlineMs)
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Whether it was broken off. */
  get isOver(): boolean {
    return this.#over !== undefined
  }

  get leftMs(): number {
    return Math.max(0, this.#options.deadlineMs - (performance.now() - this.#startedAt))
  }

  /**
   * Connects and looks at what the server shows; undefined if a remote one does not let this client in.
   *
   * @throws {UnexaminableError}
   */
  async firstLook(
    budgetMs: number,
    onConnected: () => void = () => {},
  ): Promise<{ session: Session; surface: Surface } | undefined> {
    try {
      const session = await this.#openFirst()
      onConnected()
      return { session, surface: await look(session, budgetMs) }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      if (error.status === 401 || error.status === 403) return undefined
      throw new UnexaminableError(this.#explain(error))
    }
  }

  /** Another connection. Whoever wants it gone before the end closes its wire. @throws {WireError} */
  async open(abilities: Abilities = ASKING): Promise<Session> {
    const wire = this.#connect()
    try {
      const session = await openSession(wire, this.#options.timeoutMs, abilities, this.#era)
      this.#era = session.era
      return session
    } catch (error) {
      await wire.close()
      throw error
    }
  }

  /** What somebody does who may not notice that it was broken off. @throws {WireError} when it is */
  async unlessOver<T>(doing: Promise<T>): Promise<T> {
    doing.catch(() => {})
    return await Promise.race([doing, this.#brokenOff])
  }

  /** Resolves when no connection and no process is left. */
  async end(): Promise<void> {
    clearTimeout(this.#timer)
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    await Promise.all([...this.#wires].map(wire => wire.close()))
  }

  /** A server of the earlier era may end at a message of the later one: it gets a second chance. */
  async #openFirst(): Promise<Session> {
    try {
      return await this.open()
    } catch (error) {
      const isGone = error instanceof WireError && error.fault === 'closed' && !this.isOver
      if (!isGone || this.#options.target.kind !== 'stdio' || error.message.startsWith('it cannot be started'))
        throw error
      this.#era = 'legacy'
      return await this.open()
    }
  }

  #connect(): Wire {
    const wire = connect(this.#options.target)
    this.#wires.add(wire)
    if (this.#over) wire.abort(this.#over)
    return wire
  }

  #breakOff(error: WireError): void {
    this.#over ??= error
    this.#reject(this.#over)
    for (const wire of this.#wires) wire.abort(this.#over)
  }

  /** In words for whoever runs it, with what the server itself had to say. */
  #explain({ message }: WireError): string {
    const wires = [...this.#wires]
    const seen = [...new Set(wires.flatMap(({ oddities }) => oddities.map(({ text }) => text)))]
    const secrets = secretsOf(this.#options.target).map(([, value]) => value)
    const written = withoutSecrets(wires.at(-1)?.stderr ?? '', secrets)
    const stderr = written.split('\n').map(line => plain(line, 160))
    const last = stderr.filter(line => line !== '').slice(-STDERR_LINES)
    return [
      message,
      ...seen.map(text => `  ${text}`),
      ...(last.length > 0 ? ['the last that it wrote on standard error:', ...last.map(line => `  ${line}`)] : []),
    ].join('\n')
  }
}
