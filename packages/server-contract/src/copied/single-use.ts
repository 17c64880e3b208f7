import { describe, expect, it } from 'vitest'

/** What every copy of `single-use.ts` has to prove. @param createSingleUse the copy's own */
export function describeSingleUse(
  createSingleUse: (
    now: () => number,
    capacity?: { total: number; perOwner: number },
  ) => { claim(nonce: string, expiresAt: number, owner: string): Promise<boolean> },
): void {
  describe('a memory of what was used', () => {
    it(`${verifies('P12')} takes each once, and forgets it when it could not be used again anyway`, async () => {
      let now = 1000
      const memory = createSingleUse(() => now)
      expect(await memory.claim('a', 2000, 'ann')).toBe(true)
      expect(await memory.claim('a', 2000, 'ann')).toBe(false)
      now = 1999
      expect(await memory.claim('a', 2000, 'ann')).toBe(false)
      now = 2000
      expect(await memory.claim('a', 3000, 'ann')).toBe(true)
    })

    it(`${verifies('P12')} remembers through a clock that jumps ahead and is set right again`, async () => {
      let now = 1000
      const memory = createSingleUse(() => now)
      expect(await memory.claim('a', 2000, 'ann')).toBe(true)
      now = 9000
      expect(await memory.claim('b', 10_000, 'ann')).toBe(true)
      now = 1000
      expect(await memory.claim('a', 2000, 'ann')).toBe(false)
      expect(await memory.claim('b', 10_000, 'ann')).toBe(false)
      expect(await memory.claim('c', 2001, 'ann')).toBe(true)
    })

    it(`${verifies('P12')} refuses when it is full, rather than forget, and has room again as uses expire`, async () => {
      let now = 1000
      const memory = createSingleUse(() => now, { total: 3, perOwner: 3 })
      for (const [nonce, expiresAt] of [
        ['a', 2000],
        ['b', 3000],
        ['c', 4000],
      ] as const)
        expect(await memory.claim(nonce, expiresAt, nonce)).toBe(true)
      await expect(memory.claim('d', 5000, 'd')).rejects.toThrow()
      for (const nonce of ['a', 'b', 'c']) expect(await memory.claim(nonce, 5000, nonce)).toBe(false)
      now = 2000
      expect(await memory.claim('d', 5000, 'd')).toBe(true)
      await expect(memory.claim('e', 5000, 'e')).rejects.toThrow()
      for (const nonce of ['b', 'c', 'd']) expect(await memory.claim(nonce, 5000, nonce)).toBe(false)
    })

    it(`${verifies('P12')} is not one caller’s to fill: others’ answers go on to count`, async () => {
      let now = 1000
      const memory = createSingleUse(() => now, { total: 10, perOwner: 2 })
      for (const nonce of ['a', 'b']) expect(await memory.claim(nonce, 2000, 'ann')).toBe(true)
      await expect(memory.claim('c', 2000, 'ann')).rejects.toThrow()
      expect(await memory.claim('d', 2000, 'ben')).toBe(true)
      now = 2000
      for (const nonce of ['e', 'f']) expect(await memory.claim(nonce, 3000, 'ann')).toBe(true)
      await expect(memory.claim('g', 3000, 'ann')).rejects.toThrow()
    })
  })
}
