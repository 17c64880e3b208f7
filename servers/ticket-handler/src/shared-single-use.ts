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
 * another, and still once only.
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
  return {
    async claim(nonce, expiresAt) {
      // A little longer than anybody can ask for it, by whichever clock.
      const lifetime = Math.max(expiresAt - Date.now(), 0) + 60_000
      const key = `narrow-deputies:${server}:used:${nonce}`
      return (await redis.set(key, '1', 'PX', lifetime, 'NX').catch(rethrowBare)) === 'OK'
    },
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
