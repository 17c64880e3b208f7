// Copied on purpose: a fault here must stay here.

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
   * @throws if that cannot be told: the answer must not count
   */
  claim(nonce: string, expiresAt: number): Promise<boolean>
}

/** In memory: for one process. Refuses rather than forgets when it is full. */
export function createSingleUse(now: () => number = Date.now, capacity = 100_000): SingleUse {
  const used = new Map<string, number>()
  return {
    // What this process asked shows by its key, and neither is ever lost without the other: used ones are enough.
    async open() {},
    async claim(nonce, expiresAt) {
      // In the order in which they were used, which is nearly that in which they expire.
      for (const [old, expiry] of used) {
        if (expiry > now()) break
        used.delete(old)
      }
      if (used.has(nonce) || used.size >= capacity) return false
      used.set(nonce, expiresAt)
      return true
    },
  }
}
