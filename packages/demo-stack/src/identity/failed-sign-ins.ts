const WINDOW_MS = 60_000
const MOST_FAILURES = 5
const MOST_NAMES = 1000

/**
 * Counts wrong passwords by the username as typed, known or not, so that the cap says nothing about who exists.
 * Lives in memory: it slows guessing down, no more.
 */
export class FailedSignIns {
  readonly #failures = new Map<string, number[]>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  tooMany(username: string): boolean {
    return this.#recent(username).length >= MOST_FAILURES
  }

  add(username: string): void {
    const key = keyOf(username)
    const recent = [...this.#recent(username), this.#now()]
    this.#failures.delete(key)
    this.#failures.set(key, recent)
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > MOST_NAMES && oldest !== undefined) this.#failures.delete(oldest)
  }

  #recent(username: string): number[] {
    return (this.#failures.get(keyOf(username)) ?? []).filter(time => time > this.#now() - WINDOW_MS)
  }
}

function keyOf(username: string): string {
  return username.trim().toLowerCase().slice(0, 100)
}
