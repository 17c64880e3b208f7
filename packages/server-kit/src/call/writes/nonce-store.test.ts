import { describe, expect, it } from 'vitest'
import { createNonceStore } from './nonce-store.ts'

describe('a nonce store in memory', () => {
  it(`${verifies('P12')} accepts each nonce once, and forgets it once it has expired`, async () => {
    let now = 1000
    const store = createNonceStore(() => now)
    expect(await store.claim('a', 2000, 'ann')).toBe(true)
    expect(await store.claim('a', 2000, 'ann')).toBe(false)
    now = 1999
    expect(await store.claim('a', 2000, 'ann')).toBe(false)
    now = 2000
    expect(await store.claim('a', 3000, 'ann')).toBe(true)
  })

  it(`${verifies('P12')} accepts a nonce whether or not it was opened here, and each for itself`, async () => {
    const store = createNonceStore(() => 1000)
    await store.open('a', 2000)
    expect([await store.claim('a', 2000, 'ann'), await store.claim('b', 2000, 'ann')]).toEqual([true, true])
    expect([await store.claim('a', 2000, 'ben'), await store.claim('b', 2000, 'ben')]).toEqual([false, false])
  })

  it(`${verifies('P12')} accepts one of many claims of a nonce at the same time`, async () => {
    const store = createNonceStore(() => 1000)
    const claims = await Promise.all(Array.from({ length: 20 }, () => store.claim('a', 2000, 'ann')))
    expect(claims.filter(Boolean)).toHaveLength(1)
  })

  it(`${verifies('P12')} remembers used nonces if the clock jumps ahead and is set back`, async () => {
    let now = 1000
    const store = createNonceStore(() => now)
    expect(await store.claim('a', 2000, 'ann')).toBe(true)
    now = 9000
    expect(await store.claim('b', 10_000, 'ann')).toBe(true)
    now = 1000
    expect(await store.claim('a', 2000, 'ann')).toBe(false)
    expect(await store.claim('b', 10_000, 'ann')).toBe(false)
    expect(await store.claim('c', 2001, 'ann')).toBe(true)
  })

  it(`${verifies('P12')} remembers used nonces that expired in another order than they were used`, async () => {
    let now = 1000
    const store = createNonceStore(() => now)
    expect(await store.claim('long', 3000, 'ann')).toBe(true)
    expect(await store.claim('short', 2000, 'ann')).toBe(true)
    now = 4000
    expect(await store.claim('other', 5000, 'ann')).toBe(true)
    now = 1000
    for (const [nonce, expiresAt] of [
      ['long', 3000],
      ['short', 2000],
    ] as const)
      expect(await store.claim(nonce, expiresAt, 'ann')).toBe(false)
  })

  it(`${verifies('P12')} refuses claims when it is full instead of forgetting, until nonces expire`, async () => {
    let now = 1000
    const store = createNonceStore(() => now, { total: 3, perOwner: 3 })
    for (const [nonce, expiresAt] of [
      ['a', 2000],
      ['b', 3000],
      ['c', 4000],
    ] as const)
      expect(await store.claim(nonce, expiresAt, nonce)).toBe(true)
    await expect(store.claim('d', 5000, 'd')).rejects.toThrow()
    for (const nonce of ['a', 'b', 'c']) expect(await store.claim(nonce, 5000, nonce)).toBe(false)
    now = 2000
    expect(await store.claim('d', 5000, 'd')).toBe(true)
    await expect(store.claim('e', 5000, 'e')).rejects.toThrow()
    for (const nonce of ['b', 'c', 'd']) expect(await store.claim(nonce, 5000, nonce)).toBe(false)
  })

  it(`${verifies('P12')} cannot be filled by one caller: the answers of others still count`, async () => {
    let now = 1000
    const store = createNonceStore(() => now, { total: 10, perOwner: 2 })
    for (const nonce of ['a', 'b']) expect(await store.claim(nonce, 2000, 'ann')).toBe(true)
    await expect(store.claim('c', 2000, 'ann')).rejects.toThrow()
    expect(await store.claim('d', 2000, 'ben')).toBe(true)
    now = 2000
    for (const nonce of ['e', 'f']) expect(await store.claim(nonce, 3000, 'ann')).toBe(true)
    await expect(store.claim('g', 3000, 'ann')).rejects.toThrow()
  })

  it(`${verifies('P12')} remembers 2000 nonces of one caller, and 100 000 in all, unless it is told otherwise`, async () => {
    const store = createNonceStore(() => 1000)
    for (let owner = 0; owner < 50; owner += 1) {
      for (let n = 0; n < 2_000; n += 1)
        if (!(await store.claim(`${owner}-${n}`, 2000, `owner ${owner}`))) throw new Error('a first claim was refused')
      if (owner === 0) await expect(store.claim('more', 2000, 'owner 0')).rejects.toThrow()
    }
    await expect(store.claim('more', 2000, 'ann')).rejects.toThrow()
  })

  it(`${verifies('P12')} goes by the time of day unless it is given another clock`, async () => {
    const store = createNonceStore()
    const past = Date.now() - 1
    expect(await store.claim('a', past, 'ann')).toBe(true)
    // The first has expired, so it was forgotten, and nothing as old counts any more.
    expect(await store.claim('b', past, 'ann')).toBe(false)
    expect(await store.claim('c', Date.now() + 60_000, 'ann')).toBe(true)
    expect(await store.claim('c', Date.now() + 60_000, 'ann')).toBe(false)
  })
})
