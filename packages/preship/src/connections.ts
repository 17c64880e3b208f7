import { inspect } from './inspect.ts'
import { sanitize } from './sanitize.ts'
import { redactSecrets } from './secret-like.ts'
import { secretsOf } from './secrets.ts'
import type { Era, Surface } from './surface.ts'
import { connect, type Target } from './target.ts'
import { type Abilities, openSession, type Session } from './wire/session.ts'
import { type Wire, WireError } from './wire/wire.ts'

export interface ConnectionOptions {
  readonly target: Target
  /** Timeout for one reply, in milliseconds. */
  readonly timeoutMs: number
  /** Timeout for the whole run, in milliseconds. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

/** The server could not be examined; the message explains why. */
export class UnexaminableError extends Error {
  override name = 'UnexaminableError'
}

const STDERR_LINES = 5
/** Declares elicitation: this client can ask a user. */
const WITH_ELICITATION: Abilities = { elicitation: {} }

/**
 * All connections to one server. They are closed when the time limit is reached, when the signal is aborted, or by
 * `end`.
 */
export class Connections {
  readonly #options: ConnectionOptions
  readonly #startedAt = performance.now()
  readonly #wires = new Set<Wire>()
  readonly #timer: NodeJS.Timeout
  readonly #onAbort = (): void => this.#abortAll(new WireError('closed', 'the examination was cancelled'))
  #era: Era | undefined
  #abortError: WireError | undefined
  #reject: (error: WireError) => void = () => {}
  readonly #aborted = new Promise<never>((_, reject) => {
    this.#reject = reject
  })

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#aborted.catch(() => {})
    const { deadlineMs, signal } = options
    const isUp = (): void => this.#abortAll(new WireError('timeout', 'the time limit was reached'))
    this.#timer = setTimeout(isUp, deadlineMs)
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Whether the time limit was reached or the examination was cancelled. */
  get isOver(): boolean {
    return this.#abortError !== undefined
  }

  get leftMs(): number {
    return Math.max(0, this.#options.deadlineMs - (performance.now() - this.#startedAt))
  }

  /**
   * Connects and reads what the server presents. Returns undefined if a remote server refuses this client.
   *
   * @throws {UnexaminableError}
   */
  async connectAndInspect(
    budgetMs: number,
    onConnected: () => void = () => {},
  ): Promise<{ session: Session; surface: Surface } | undefined> {
    try {
      const session = await this.#openFirst()
      onConnected()
      return { session, surface: await inspect(session, budgetMs) }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      if (error.status === 401 || error.status === 403) return undefined
      throw new UnexaminableError(this.#explain(error))
    }
  }

  /** Opens another connection. It can be closed early through its wire. @throws {WireError} */
  async open(abilities: Abilities = WITH_ELICITATION): Promise<Session> {
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

  /** Waits for work that may not notice the abort itself. @throws {WireError} when the examination is aborted */
  async unlessOver<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {})
    return await Promise.race([work, this.#aborted])
  }

  /** Closes all connections. Resolves when no connection and no process is left. */
  async end(): Promise<void> {
    clearTimeout(this.#timer)
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    await Promise.all([...this.#wires].map(wire => wire.close()))
  }

  /**
   * A server that speaks only the 2025 revisions may exit on `server/discover`. In that case, start it again with
   * `initialize`.
   */
  async #openFirst(): Promise<Session> {
    try {
      return await this.open()
    } catch (error) {
      const isGone = error instanceof WireError && error.fault === 'closed' && !this.isOver
      if (!isGone || this.#options.target.kind !== 'stdio' || error.message.startsWith('the server cannot be started'))
        throw error
      this.#era = 'legacy'
      return await this.open()
    }
  }

  #connect(): Wire {
    const wire = connect(this.#options.target)
    this.#wires.add(wire)
    if (this.#abortError) wire.abort(this.#abortError)
    return wire
  }

  #abortAll(error: WireError): void {
    this.#abortError ??= error
    this.#reject(this.#abortError)
    for (const wire of this.#wires) wire.abort(this.#abortError)
  }

  /** Describes an error for the user, with the last lines that the server wrote to standard error. */
  #explain({ message }: WireError): string {
    const wires = [...this.#wires]
    const observed = [...new Set(wires.flatMap(({ anomalies }) => anomalies.map(({ text }) => text)))]
    const secrets = secretsOf(this.#options.target).map(([, value]) => value)
    const written = redactSecrets(wires.at(-1)?.stderr ?? '', secrets)
    const stderr = written.split('\n').map(line => sanitize(line, 160))
    const last = stderr.filter(line => line !== '').slice(-STDERR_LINES)
    return [
      message,
      ...observed.map(text => `  ${text}`),
      ...(last.length > 0 ? ['last lines on standard error:', ...last.map(line => `  ${line}`)] : []),
    ].join('\n')
  }
}
