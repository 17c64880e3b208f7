import { onTestFinished, vi } from 'vitest'

/** Stops `Date.now` and `performance.now` until the test is over. Timers run on in real time. */
export function stopClock(): { advance(ms: number): void } {
  let elapsed = 0
  // Whole numbers: sums of fractions are not exact.
  const [date, performanceNow] = [Date.now(), Math.floor(performance.now())]
  const spies = [
    vi.spyOn(Date, 'now').mockImplementation(() => date + elapsed),
    vi.spyOn(performance, 'now').mockImplementation(() => performanceNow + elapsed),
  ]
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
  return {
    advance(ms) {
      elapsed += ms
    },
  }
}
