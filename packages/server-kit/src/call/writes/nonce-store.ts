import { createCounter } from '../counter.ts'

/** Makes the answer to a question count once. */
export interface NonceStore {
  /**
   * Notes a question that is about to be asked.
   *
   * @param nonce cannot be guessed
   * @param expiresAt milliseconds since 1970, after which no answer is accepted
   * @throws if the nonce cannot be kept: do not ask
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
 * Keeps used nonces in memory, for one process. A full store refuses rather than forgets, and one caller cannot fill it.
 *
 * @param capacity.perOwner nonces of one caller in the five minutes that a question stands
 */
export function createNonceStore(
  now: () => number = Date.now,
  capacity: { total: number; perOwner: number } = { total: 100_000, perOwner: 2_000 },
): NonceStore {
  const used = new Map<string, { expiresAt: number; owner: string }>()
  /** The clock may be set back. A nonce that expired and was forgotten has still been used. */
  let forgotten = Number.NEGATIVE_INFINITY
  const perOwner = createCounter<string>()
  return {
    // Questions of this process are known by its key, which is lost together with this store. Used nonces are enough.
    async open() {},
    async claim(nonce, expiresAt, owner) {
      // The map is in the order of use, which is nearly the order of expiry.
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
