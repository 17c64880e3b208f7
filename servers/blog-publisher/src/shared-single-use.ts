// Copied on purpose: a fault here must stay here.
import { Redis } from 'ioredis'
import type { SingleUse } from './single-use.ts'

/** One that several processes have in common. */
export interface SharedSingleUse extends SingleUse {
  /** @throws if the store does not answer */
  reach(): Promise<void>
  close(): void
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
  redis.on('error', error => onFault(bare(error)))
  const keyOf = (nonce: string): string => `narrow-deputies:${server}:open:${nonce}`
  return {
    async open(nonce, expiresAt) {
      // A little longer than anybody can ask for it, by whichever clock.
      const lifetime = Math.max(expiresAt - Date.now(), 0) + 60_000
      await redis.set(keyOf(nonce), '1', 'PX', lifetime).catch(rethrowBare)
    },
    claim: async nonce => (await redis.del(keyOf(nonce)).catch(rethrowBare)) === 1,
    async reach() {
      await redis.ping().catch(rethrowBare)
    },
    close: () => redis.disconnect(),
  }
}

/** The library notes on an error what was sent, the password among it: an error goes no further than its message. */
function bare({ message }: Error): Error {
  return new Error(message)
}

function rethrowBare(error: Error): never {
  throw bare(error)
}
