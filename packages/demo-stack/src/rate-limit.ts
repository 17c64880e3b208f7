import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import type { RateLimiter } from './api-rules.ts'

/**
 * Creates a rate limiter that counts the requests of each key in fixed windows, across all APIs.
 * It always uses the system clock, even if the backend was started with another one.
 *
 * @param max requests allowed in one window
 * @param windowMs length of a window in milliseconds
 */
export async function createRateLimiter(app: FastifyInstance, max: number, windowMs: number): Promise<RateLimiter> {
  await app.register(rateLimit, {
    global: false,
    max,
    timeWindow: windowMs,
    keyGenerator: request => request.caller?.hash ?? '',
  })
  // The plugin's own hook runs after the scope check, so it would not count requests that are refused there.
  const count = app.createRateLimit()
  return async request => {
    const usage = await count(request)
    return usage.isAllowed || !usage.isExceeded ? null : Math.max(1, usage.ttlInSeconds)
  }
}
