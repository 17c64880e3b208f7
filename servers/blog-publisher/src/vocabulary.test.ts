import { describe, expect, it } from 'vitest'
import { plainEnd, plainLine, Sha256 } from './vocabulary.ts'

/** Line break and tab, and what joins characters into one: these have a use. */
const USED = ['\n', '\t', '\u200c', '\u200d', '\ufe0f']

/** Every other character that draws nothing. */
function invisible(): string[] {
  const found: string[] = []
  for (let point = 0; point < 0x110000; point += 1) {
    const character = String.fromCodePoint(point)
    if (!/\p{Cc}|\p{Cs}|\p{Bidi_Control}|\p{Default_Ignorable_Code_Point}|\p{Zl}|\p{Zp}/u.test(character)) continue
    if (!USED.includes(character)) found.push(character)
  }
  return found
}

function pointsOf(characters: string[]): string[] {
  return characters.map(character => `U+${character.codePointAt(0)?.toString(16).padStart(4, '0')}`)
}

describe('a text that is shown to a person or a model', () => {
  it(`${verifies('P17')} holds no character that draws nothing or turns the direction`, () => {
    for (const plain of [(text: string) => plainLine(text, 10), (text: string) => plainEnd(text, 10)])
      expect(pointsOf(invisible().filter(character => plain(`a${character}b`).includes(character)))).toEqual([])
  })

  it(`${verifies('P17')} hides nothing in joiners: they stand where they join, one at a time`, () => {
    const message = '\u200c\u200d\u200d\u200c\u200c\u200d'.repeat(8)
    expect(plainLine(`Pay${message} now`, 200)).toBe('Pay now')
    expect(plainEnd(`Pay${message} now`, 200)).toBe('Pay now')
  })

  it('keeps the letters of every script, and emoji with what they are made of', () => {
    for (const text of ['Ёлка', 'می‌خواهم', 'क्‍ष', '👩‍👩‍👧', '❤️', '🏳️‍🌈', 'ไก่', 'Zoë', 'Z̈', '한국어', '𝒜', '1️⃣']) {
      expect(plainLine(text, 200)).toBe(text)
      expect(plainEnd(text, 200)).toBe(text)
    }
  })

  it('is cut between characters', () => {
    expect(plainLine('abcdef', 6)).toBe('abcdef')
    expect(plainLine('abcdefg', 6)).toBe('abcde…')
    expect(plainLine('abcd😀😀', 6)).toBe('abcd…')
    expect(plainEnd('abcdef', 6)).toBe('abcdef')
    expect(plainEnd('abcdefg', 6)).toBe('…cdefg')
    expect(plainEnd('😀😀abcd', 6)).toBe('…abcd')
  })

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
