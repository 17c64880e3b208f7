const WINDOW_MS = 60_000
const MAX_FAILURES = 5
const MAX_NAMES = 1000

/**
 * Counts failed sign-ins by username. Unknown usernames are counted too, so that the limit does not reveal which
 * usernames exist. The counts are in memory only.
 */
export class FailedSignIns {
  readonly #failures = new Map<string, number[]>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  tooMany(username: string): boolean {
    return this.#recent(username).length >= MAX_FAILURES
  }

  add(username: string): void {
    const key = keyOf(username)
    const recent = [...this.#recent(username), this.#now()]
    this.#failures.delete(key)
    this.#failures.set(key, recent)
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > MAX_NAMES && oldest !== undefined) this.#failures.delete(oldest)
  }

  #recent(username: string): number[] {
    return (this.#failures.get(keyOf(username)) ?? []).filter(time => time > this.#now() - WINDOW_MS)
  }
}

function keyOf(username: string): string {
  return username.trim().toLowerCase().slice(0, 100)
}
