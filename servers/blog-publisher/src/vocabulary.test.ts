import { describeShownText } from '@narrow-deputies/server-contract/copied'
import { describe, expect, it } from 'vitest'
import { plainEnd, plainLine, Sha256 } from './vocabulary.ts'

describeShownText('a text that is shown to a person or a model', { end: plainLine, start: plainEnd })

describe('a text that is shown to a person or a model', () => {
  it('is on one line where it is a line, and keeps its lines elsewhere', () => {
    expect(plainLine(' a\r\nb\t\u2028 c\ud83d ', 20)).toBe('a b c')
    expect(plainEnd(' a\r\nb\tc\n', 20)).toBe('a\nb\tc')
  })
})

describe('a digest', () => {
  it('is 64 hex digits in lower case', () => {
    expect(Sha256.safeParse('0a'.repeat(32)).success).toBe(true)
    for (const other of ['', '0a'.repeat(31), '0A'.repeat(32), `${'0a'.repeat(32)}\n`, `${'0g'.repeat(32)}`, 7])
      expect(Sha256.safeParse(other).success).toBe(false)
  })
})
