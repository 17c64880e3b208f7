import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type BackendCall, callOf } from './backend-call.ts'

export type Within = <T>(timeoutMs: number, call: BackendCall, work: (call: BackendCall) => Promise<T>) => Promise<T>

/** What every copy of `backends/deadline.ts` has to prove. */
export function describeDeadline(within: Within): void {
  const minute = 60_000

  /** Work that ends when its call does, with what ended it. */
  const untilAborted = ({ signal }: BackendCall): Promise<Error> =>
    new Promise(resolve => {
      if (signal.aborted) resolve(signal.reason)
      signal.addEventListener('abort', () => resolve(signal.reason))
    })

  describe('a deadline', () => {
    it('leaves the call what it is, and its work the end that it has', async () => {
      const call = callOf()
      let given: BackendCall | undefined
      const work = async (bounded: BackendCall) => {
        given = bounded
        return 'done'
      }
      expect(await within(minute, call, work)).toBe('done')
      expect(given).toEqual({ ...call, signal: expect.any(AbortSignal) })
      const failure = new Error('failed')
      await expect(within(minute, call, () => Promise.reject(failure))).rejects.toBe(failure)
      const thrower = () => {
        throw failure
      }
      await expect(within(minute, call, thrower)).rejects.toBe(failure)
    })

    it(`${verifies('P16')} ends work when it is over`, async () => {
      expect(await within(1, callOf(), untilAborted)).toMatchObject({ name: 'TimeoutError' })
    })

    it(`${verifies('P16')} ends work with its call, whatever time is left`, async () => {
      const controller = new AbortController()
      const reason = new Error('cancelled')
      const ended = within(minute, callOf(controller.signal), untilAborted)
      controller.abort(reason)
      expect(await ended).toBe(reason)
      // And at once where the call was cancelled before.
      expect(await within(minute, callOf(AbortSignal.abort(reason)), untilAborted)).toBe(reason)
    })

    it('is gone with its work, however that ends: no timer and no listener is left', async () => {
      vi.useFakeTimers()
      onTestFinished(() => void vi.useRealTimers())
      const controller = new AbortController()
      const call = callOf(controller.signal)
      const isGone = (): void => {
        expect(vi.getTimerCount()).toBe(0)
        expect(getEventListeners(call.signal, 'abort')).toEqual([])
      }
      let signal: AbortSignal | undefined
      await within(minute, call, async bounded => {
        signal = bounded.signal
        expect(vi.getTimerCount()).toBe(1)
        expect(getEventListeners(call.signal, 'abort')).toHaveLength(1)
      })
      isGone()
      await within(minute, call, () => Promise.reject(new Error('failed'))).catch(() => {})
      isGone()
      const late = within(minute, call, untilAborted)
      await vi.advanceTimersByTimeAsync(minute)
      await late
      isGone()
      const cancelled = within(minute, call, untilAborted)
      controller.abort()
      await cancelled
      isGone()
      await within(minute, call, untilAborted)
      isGone()
      // What comes later is no news to work that is done.
      expect(signal?.aborted).toBe(false)
    })
  })
}
