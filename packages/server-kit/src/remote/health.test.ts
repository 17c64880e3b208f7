import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createReadiness } from './health.ts'

const STANDS_MS = 2_000
const TIMEOUT_MS = 5_000

const hanging = (): Promise<never> => new Promise(() => {})
const failing = (): never => {
  throw new Error('ECONNREFUSED 192.0.2.7')
}

describe('readiness', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is given if every dependency is available, be it now or after a while', async () => {
    const onFault = vi.fn()
    const later = (): Promise<void> => new Promise(resolve => setTimeout(resolve, TIMEOUT_MS - 1))
    const asked = createReadiness({ audit: () => 'anything', backend: later }, {}, onFault)()
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1)
    expect(await asked).toEqual({ ready: true, checks: { audit: 'ok', backend: 'ok' } })
    expect(onFault).not.toHaveBeenCalled()
    // Nothing of the time limit is left.
    expect(vi.getTimerCount()).toBe(0)
  })

  it(`${verifies('P16')} is not given without a dependency. Why is for the operator only`, async () => {
    const onFault = vi.fn()
    const rejecting = (): Promise<never> => Promise.reject(new Error('the key is wrong'))
    const readiness = createReadiness({ audit: () => {}, backend: failing, issuer: rejecting }, {}, onFault)
    expect(await readiness()).toEqual({ ready: false, checks: { audit: 'ok', backend: 'failed', issuer: 'failed' } })
    expect(onFault.mock.calls.map(([fault, name]) => [(fault as Error).message, name])).toEqual([
      ['ECONNREFUSED 192.0.2.7', 'backend'],
      ['the key is wrong', 'issuer'],
    ])
  })

  it('is given without an optional dependency, which is reported all the same', async () => {
    const onFault = vi.fn()
    const readiness = createReadiness({ audit: () => {} }, { store: failing }, onFault)
    expect(await readiness()).toEqual({ ready: true, checks: { audit: 'ok', store: 'failed' } })
    expect(onFault).toHaveBeenCalledOnce()
    const both = createReadiness({ audit: failing }, { store: () => {} }, onFault)
    expect(await both()).toEqual({ ready: false, checks: { audit: 'failed', store: 'ok' } })
  })

  it(`${verifies('P16')} waits five seconds for a dependency and no longer`, async () => {
    const onFault = vi.fn()
    const settled = vi.fn()
    const asked = createReadiness({ backend: hanging }, {}, onFault)().then(settled)
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await asked
    expect(settled).toHaveBeenCalledWith({ ready: false, checks: { backend: 'failed' } })
    expect(onFault.mock.calls).toEqual([[new Error('no answer in 5000 ms'), 'backend']])
  })

  it(`${verifies('P16')} of one dependency does not wait for another one to be asked`, async () => {
    const asked: string[] = []
    const slow = (name: string) => () => {
      asked.push(name)
      return hanging()
    }
    void createReadiness({ a: slow('a'), b: slow('b') }, { c: slow('c') }, () => {})()
    await vi.advanceTimersByTimeAsync(0)
    expect(asked).toEqual(['a', 'b', 'c'])
  })

  it(`${verifies('P16')} is found out once for many who ask at the same time`, async () => {
    const backend = vi.fn(async () => {})
    const readiness = createReadiness({ backend }, {}, () => {})
    const answers = await Promise.all(Array.from({ length: 100 }, () => readiness()))
    expect(new Set(answers.map(({ ready }) => ready))).toEqual(new Set([true]))
    expect(backend).toHaveBeenCalledOnce()
  })

  it(`${verifies('P16')} that was found out stands for two seconds, good or bad`, async () => {
    const backend = vi.fn(failing as () => void)
    const readiness = createReadiness({ backend }, {}, () => {})
    expect((await readiness()).ready).toBe(false)
    backend.mockImplementation(() => {})
    vi.advanceTimersByTime(STANDS_MS)
    expect((await readiness()).ready).toBe(false)
    expect(backend).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1)
    expect((await readiness()).ready).toBe(true)
    expect(backend).toHaveBeenCalledTimes(2)
  })
})
