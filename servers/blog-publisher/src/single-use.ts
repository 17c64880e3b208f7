// Copied on purpose: a fault here must stay here.
import { createTally } from './tally.ts'

/** Sees to it that the answer to a question counts once. */
export interface SingleUse {
  /**
   * Notes a question that is about to be asked.
   *
   * @param nonce that nobody can guess
   * @param expiresAt milliseconds since 1970: nobody asks for it later
   * @throws if it cannot be kept: do not ask
   */
  open(nonce: string, expiresAt: number): Promise<void>
  /**
   * Resolves to whether this is the first claim of this nonce.
   *
   * @param expiresAt as for `open`
   * @param owner whose answer it is
   * @throws if that cannot be told: the answer must not count
   */
  claim(nonce: string, expiresAt: number, owner: string): Promise<boolean>
}

/**
 * In memory: for one process. Refuses rather than forgets when it is full, and one caller cannot fill it.
 *
 * @param capacity.perOwner of one caller, in the five minutes that a question stands
 */
export function createSingleUse(
  now: () => number = Date.now,
  capacity: { total: number; perOwner: number } = { total: 100_000, perOwner: 2_000 },
): SingleUse {
  const used = new Map<string, { expiresAt: number; owner: string }>()
  /** The clock may be set back: what had expired and was forgotten has still been used. */
  let forgotten = Number.NEGATIVE_INFINITY
  const perOwner = createTally<string>()
  return {
    // What this process asked shows by its key, and neither is ever lost without the other: used ones are enough.
    async open() {},
    async claim(nonce, expiresAt, owner) {
      // In the order in which they were used, which is nearly that in which they expire.
      for (const [old, entry] of used) {
        if (entry.expiresAt > now()) break
        used.delete(old)
        perOwner.remove(entry.owner)
        forgotten = Math.max(forgotten, entry.expiresAt)
      }
      if (used.has(nonce) || expiresAt <= forgotten) return false
      if (used.size >= capacity.total || perOwner.of(owner) >= capacity.perOwner)
        throw new Error('too many answers are remembered')
      used.set(nonce, { expiresAt, owner })
      perOwner.add(owner)
      return true
    },
  }
}
