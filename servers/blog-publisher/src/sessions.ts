// Copied on purpose: a fault here must stay here.
import { createTally } from './tally.ts'

/** Something that lasts over several requests of one caller. */
export interface Sessions<T> {
  /** Undefined if there is no such session, or if it is not this caller's: nobody learns which. */
  find(id: string, owner: string): T | undefined
  /**
   * Returns false if there is no room.
   *
   * @param account on whose account it is, should several owners share one
   */
  add(id: string, owner: string, value: T, account?: string): boolean
  /** Keeps a session from being idle until the returned function is called. */
  use(id: string): () => void
  remove(id: string): void
  /** Ends all. */
  clear(): void
}

export interface SessionLimits<T> {
  readonly max: number
  /** On one account; the one of them that is idle for longest makes room. */
  readonly maxPerOwner: number
  readonly idleMs: number
  /** Told once of each that is over, whatever ended it. */
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

/** Sessions with an owner, an idle time and a cap: none of these is the protocol's to keep. */
export function createSessions<T>({ max, maxPerOwner, idleMs, onEnd, now = Date.now }: SessionLimits<T>): Sessions<T> {
  const entries = new Map<string, Entry<T>>()

  const remove = (id: string): void => {
    const entry = entries.get(id)
    // First out of the map: ending it may lead here again.
    if (entries.delete(id) && entry) onEnd(entry.value)
  }
  const idle = (): [string, Entry<T>][] =>
    [...entries].filter(([, { uses }]) => uses === 0).sort(([, a], [, b]) => a.idleSince - b.idleSince)
  /** Who has to make room before this account can have one more; undefined if nobody has to. */
  const crowding = (account: string): string | undefined => {
    const counts = createTally<string>()
    for (const entry of entries.values()) counts.add(entry.account)
    if (counts.of(account) >= maxPerOwner) return account
    if (entries.size < max) return undefined
    // Where there is no room for anybody, it is theirs to make some who have most.
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
