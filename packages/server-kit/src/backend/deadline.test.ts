import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { callOf } from '../../test/backend/backend-call.ts'
import type { BackendCall } from './attempt.ts'
import { within } from './deadline.ts'

const MINUTE = 60_000

/** Work that ends when its call is aborted, with the reason. */
function untilAborted({ signal }: BackendCall): Promise<Error> {
  return new Promise(resolve => {
    if (signal.aborted) resolve(signal.reason)
    signal.addEventListener('abort', () => resolve(signal.reason))
  })
}

describe('work with a deadline', () => {
  it('is given the call unchanged, except for its signal', async () => {
    const call = callOf()
    let given: BackendCall | undefined
    await within(MINUTE, call, async bounded => {
      given = bounded
    })
    expect(given).toEqual({ ...call, signal: expect.any(AbortSignal) })
    expect(given?.signal).not.toBe(call.signal)
  })

  it('resolves to what the work resolves to, and rejects with what it throws', async () => {
    const call = callOf()
    expect(await within(MINUTE, call, async () => 'done')).toBe('done')
    const failure = new Error('failed')
    await expect(within(MINUTE, call, () => Promise.reject(failure))).rejects.toBe(failure)
    const thrower = () => {
      throw failure
    }
    await expect(within(MINUTE, call, thrower)).rejects.toBe(failure)
  })

  it(`${verifies('P16')} is aborted when the time is over`, async () => {
    expect(await within(1, callOf(), untilAborted)).toMatchObject({ name: 'TimeoutError' })
  })

  it(`${verifies('P16')} has exactly the time that is given`, async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    let signal: AbortSignal | undefined
    const ended = within(MINUTE, callOf(), async bounded => {
      signal = bounded.signal
      return await untilAborted(bounded)
    })
    await vi.advanceTimersByTimeAsync(MINUTE - 1)
    expect(signal?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(signal?.aborted).toBe(true)
    await ended
  })

  it(`${verifies('P16')} is aborted with its call, however much time is left`, async () => {
    const controller = new AbortController()
    const reason = new Error('cancelled')
    const ended = within(MINUTE, callOf(controller.signal), untilAborted)
    controller.abort(reason)
    expect(await ended).toBe(reason)
  })

  it(`${verifies('P16')} is aborted from the start if its call was cancelled before`, async () => {
    const reason = new Error('cancelled')
    expect(await within(MINUTE, callOf(AbortSignal.abort(reason)), untilAborted)).toBe(reason)
  })

  it('leaves no timer and no listener behind, however it ends', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const controller = new AbortController()
    const call = callOf(controller.signal)
    const expectNothingLeft = (): void => {
      expect(vi.getTimerCount()).toBe(0)
      expect(getEventListeners(call.signal, 'abort')).toEqual([])
    }
    let signal: AbortSignal | undefined
    await within(MINUTE, call, async bounded => {
      signal = bounded.signal
      expect(vi.getTimerCount()).toBe(1)
      expect(getEventListeners(call.signal, 'abort')).toHaveLength(1)
    })
    expectNothingLeft()
    await within(MINUTE, call, () => Promise.reject(new Error('failed'))).catch(() => {})
    expectNothingLeft()
    const late = within(MINUTE, call, untilAborted)
    await vi.advanceTimersByTimeAsync(MINUTE)
    await late
    expectNothingLeft()
    const cancelled = within(MINUTE, call, untilAborted)
    controller.abort()
    await cancelled
    expectNothingLeft()
    await within(MINUTE, call, untilAborted)
    expectNothingLeft()
    // Work that was done by then is not aborted by what came later.
    expect(signal?.aborted).toBe(false)
  })
})
