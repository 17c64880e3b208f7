import { Redis } from 'ioredis'
import type { NonceStore } from './nonce-store.ts'

/** A nonce store that several processes share. */
export interface SharedNonceStore extends NonceStore {
  /** @throws if the store does not answer */
  reach(): Promise<void>
  close(): void
}

const TIMEOUT_MS = 2_000

/**
 * Keeps open questions in a Redis or Valkey that all replicas of a server share. A question asked by one replica can
 * then be answered at another, and still only once. The store holds open questions rather than used ones: if it is
 * restarted, emptied or short of memory, answers stop counting, where forgotten used nonces would count again.
 *
 * @param server whose questions they are: two servers never see each other's
 * @param onFault receives each lost connection, for the operator
 */
export function connectRedis(url: string, server: string, onFault: (fault: Error) => void): SharedNonceStore {
  const redis = new Redis(url, {
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    // A claim is made once. After a lost reply nobody knows whether it was made, and the human is asked again.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  })
  redis.on('error', error => onFault(bare(error)))
  const keyOf = (nonce: string): string => `narrow-deputies:${server}:open:${nonce}`
  return {
    async open(nonce, expiresAt) {
      // A little longer than any replica's clock would accept it.
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

/** The library attaches what was sent to its errors, the password among it. Only the message is passed on. */
function bare({ message }: Error): Error {
  return new Error(message)
}

function rethrowBare(error: Error): never {
  throw bare(error)
}
