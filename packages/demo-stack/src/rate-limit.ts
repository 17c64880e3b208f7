import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import type { Meter } from './api-rules.ts'

/**
 * A meter that counts each key's requests in fixed windows, across all APIs.
 * It runs on the machine's own clock, whatever clock the records use.
 *
 * @param max requests in one window
 * @param windowMs length of a window in milliseconds
 */
export async function createMeter(app: FastifyInstance, max: number, windowMs: number): Promise<Meter> {
  await app.register(rateLimit, {
    global: false,
    max,
    timeWindow: windowMs,
    keyGenerator: request => request.caller?.hash ?? '',
  })
  // Called by hand, because the plugin's own hook would run after the scope check and so never count a refused call.
  const count = app.createRateLimit()
  return async request => {
    const usage = await count(request)
    return usage.isAllowed || !usage.isExceeded ? null : Math.max(1, usage.ttlInSeconds)
  }
}
