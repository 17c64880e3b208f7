// Copied on purpose: a fault here must stay here.
import { Redis } from 'ioredis'

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

/** One that several processes have in common. */
export interface SharedSingleUse extends SingleUse {
  /** @throws if the store does not answer */
  reach(): Promise<void>
  close(): void
}

/** In memory: for one process. Refuses rather than forgets when it is full. */
export function createSingleUse(now: () => number = Date.now, capacity = 10_000): SingleUse {
  const used = new Map<string, number>()
  return {
    // What this process asked shows by its key, and neither is ever lost without the other: used ones are enough.
    async open() {},
    async claim(nonce, expiresAt) {
      for (const [old, expiry] of used) if (expiry <= now()) used.delete(old)
      if (used.has(nonce) || used.size >= capacity) return false
      used.set(nonce, expiresAt)
      return true
    },
  }
}

const TIMEOUT_MS = 2_000

/**
 * In a Redis or Valkey that all replicas of a server have in common. A question asked by one can then be answered at
 * another, and still once only. What is kept is the open questions: a store that forgets, whether restarted, emptied or
 * short of memory, makes answers count no more, where used ones forgotten would count again.
 *
 * @param server whose answers: no two servers know each other's
 * @param onFault told, for the operator, of a connection that is lost
 */
export function connectSingleUse(url: string, server: string, onFault: (fault: Error) => void): SharedSingleUse {
  const redis = new Redis(url, {
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    // A claim is made once: after a lost reply nobody knows whether it was made, and the human is asked anew.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  })
  redis.on('error', onFault)
  const keyOf = (nonce: string): string => `narrow-deputies:${server}:open:${nonce}`
  return {
    async open(nonce, expiresAt) {
      // A little longer than anybody can ask for it, by whichever clock.
      const lifetime = Math.max(expiresAt - Date.now(), 0) + 60_000
      await redis.set(keyOf(nonce), '1', 'PX', lifetime)
    },
    claim: async nonce => (await redis.del(keyOf(nonce))) === 1,
    async reach() {
      await redis.ping()
    },
    close: () => redis.disconnect(),
  }
}
