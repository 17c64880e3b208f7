import { describe, expect, it } from 'vitest'
import { Sha256, Title } from './vocabulary.ts'

describe('a digest', () => {
  it(`${verifies('P2')} is 64 hex digits in lower case`, () => {
    expect(Sha256.safeParse('0a'.repeat(32)).success).toBe(true)
    for (const other of [
      '',
      '0a'.repeat(31),
      '0a'.repeat(33),
      '0A'.repeat(32),
      `${'0a'.repeat(32)}\n`,
      '0g'.repeat(32),
      7,
    ])
      expect(Sha256.safeParse(other).success, JSON.stringify(other)).toBe(false)
  })
})

describe('a title', () => {
  it('has at most 200 characters', () => {
    expect(Title.safeParse('x'.repeat(200)).success).toBe(true)
    expect(Title.safeParse('x'.repeat(201)).success).toBe(false)
  })
})
