import { describe, expect, it } from 'vitest'

/** Line break and tab, and what joins characters into one: these have a use. */
const USED = ['\n', '\t', '\u200c', '\u200d', '\ufe0f']

/** Words whose characters are more than one code point, or draw on what joins them. */
const SCRIPTS = ['Ёлка', 'می‌خواهم', 'क्‍ष', '👩‍👩‍👧', '❤️', '🏳️‍🌈', 'ไก่', 'Zoë', 'Z̈', '한국어', '𝒜', '1️⃣']

/** The last three hold notes between lines, which nobody draws and no property tells of. */
const DRAWS_NOTHING = /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\ufff9-\ufffb]/u

/** Every other character that draws nothing. */
function invisible(): string[] {
  const found: string[] = []
  for (let point = 0; point < 0x110000; point += 1) {
    const character = String.fromCodePoint(point)
    if (DRAWS_NOTHING.test(character) && !USED.includes(character)) found.push(character)
  }
  return found
}

function pointsOf(characters: string[]): string[] {
  return characters.map(character => `U+${character.codePointAt(0)?.toString(16).padStart(4, '0')}`)
}

/** Gives a text without what deceives, and no more of it than `max` UTF-16 units. */
type Plain = (text: string, max: number) => string

/**
 * What every server has to prove of texts that others wrote, before it shows them.
 *
 * @param copy.end cuts a text at its end
 * @param copy.start cuts it at its start, where a server has a use for that
 */
export function describeShownText(what: string, { end, start }: { end: Plain; start?: Plain }): void {
  describe(what, () => {
    const both = start ? [end, start] : [end]

    it(`${verifies('P17')} holds no character that draws nothing or turns the direction`, () => {
      for (const plain of both)
        expect(pointsOf(invisible().filter(character => plain(`a${character}b`, 10).includes(character)))).toEqual([])
    })

    it(`${verifies('P17')} hides nothing in joiners: they stand where they join, one at a time`, () => {
      const message = '\u200c\u200d\u200d\u200c\u200c\u200d'.repeat(8)
      for (const plain of both) expect(plain(`Pay${message} now`, 200)).toBe('Pay now')
    })

    it('keeps the letters of every script, and emoji with what they are made of', () => {
      for (const plain of both) for (const text of SCRIPTS) expect(plain(text, 10)).toBe(text)
    })

    it('is cut between characters', () => {
      expect(end('abcdef', 6)).toBe('abcdef')
      expect(end('abcdefg', 6)).toBe('abcde…')
      expect(end('abcd😀😀', 6)).toBe('abcd…')
      if (!start) return
      expect(start('abcdef', 6)).toBe('abcdef')
      expect(start('abcdefg', 6)).toBe('…cdefg')
      expect(start('😀😀abcd', 6)).toBe('…abcd')
    })
  })
}

/** What every server has to prove of free texts that a model writes. @param isAllowed for up to ten characters */
export function describeGivenText(isAllowed: (text: string) => boolean): void {
  describe('a caller’s text', () => {
    it(`${verifies('P2')} is not plain with any character that draws nothing or turns the direction`, () => {
      expect(pointsOf(invisible().filter(character => isAllowed(`a${character}b`)))).toEqual([])
    })

    it('is plain in every script', () => {
      for (const text of SCRIPTS) expect(isAllowed(text), text).toBe(true)
    })
  })
}
