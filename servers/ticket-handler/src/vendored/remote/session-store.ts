import { createCounter } from '#call'

/** Keeps values over several requests of one caller. */
export interface SessionStore<T> {
  /** Undefined if there is no such session, or if it belongs to another owner. */
  find(id: string, owner: string): T | undefined
  /**
   * Adds a session. If a limit is reached, the session that is idle for longest is ended to make room. Returns false if
   * none can be ended because all are in use.
   *
   * @param account whose limit it counts for. Several owners may share one account
   */
  add(id: string, owner: string, value: T, account?: string): boolean
  /** Marks a session as in use until the returned function is called: it is not ended to make room, nor for being idle. */
  use(id: string): () => void
  remove(id: string): void
  /** Ends every session. */
  clear(): void
}

export interface SessionLimits<T> {
  readonly max: number
  /** The limit for one account. */
  readonly maxPerOwner: number
  readonly idleMs: number
  /** Called once for each session that has ended, for whatever reason. */
  readonly onEnd: (value: T) => void
  readonly now?: () => number
}

interface Entry<T> {
  readonly owner: string
  readonly account: string
  readonly value: T
  uses: number
  idleSince: number
}

/** A session store with owners, an idle time and limits. The SDK has none of these. */
export function createSessionStore<T>({
  max,
  maxPerOwner,
  idleMs,
  onEnd,
  now = Date.now,
}: SessionLimits<T>): SessionStore<T> {
  const entries = new Map<string, Entry<T>>()

  const remove = (id: string): void => {
    const entry = entries.get(id)
    // It is taken out of the map first: `onEnd` may call `remove` again.
    if (entries.delete(id) && entry) onEnd(entry.value)
  }
  const idle = (): [string, Entry<T>][] =>
    [...entries].filter(([, { uses }]) => uses === 0).sort(([, a], [, b]) => a.idleSince - b.idleSince)
  /** The account that must make room before this one can have one more. Undefined if there is room. */
  const crowding = (account: string): string | undefined => {
    const counts = createCounter<string>()
    for (const entry of entries.values()) counts.add(entry.account)
    if (counts.of(account) >= maxPerOwner) return account
    if (entries.size < max) return undefined
    // The store is full: the account with the most sessions makes room.
    return counts.keys().reduce((most, other) => (counts.of(other) > counts.of(most) ? other : most))
  }
  const sweep = (): void => {
    for (const [id, { idleSince }] of idle()) if (now() - idleSince >= idleMs) remove(id)
  }
  const timer = setInterval(sweep, Math.min(idleMs, 60_000))
  timer.unref()

  return {
    find(id, owner) {
      const entry = entries.get(id)
      return entry?.owner === owner ? entry.value : undefined
    },
    add(id, owner, value, account = owner) {
      const full = crowding(account)
      if (full !== undefined) {
        const [oldest] = idle().find(([, entry]) => entry.account === full) ?? []
        if (oldest === undefined) return false
        remove(oldest)
      }
      entries.set(id, { owner, account, value, uses: 0, idleSince: now() })
      return true
    },
    use(id) {
      const entry = entries.get(id)
      if (!entry) return () => {}
      entry.uses += 1
      return () => {
        entry.uses -= 1
        entry.idleSince = now()
      }
    },
    remove,
    clear() {
      clearInterval(timer)
      for (const id of [...entries.keys()]) remove(id)
    },
  }
}
