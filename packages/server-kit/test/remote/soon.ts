import { expect } from 'vitest'

/** Expects something to become so, on a machine of any speed. */
export function soon<T>(read: () => T | Promise<T>): ReturnType<typeof expect.poll> {
  return expect.poll(read, { interval: 5, timeout: 10_000 })
}
