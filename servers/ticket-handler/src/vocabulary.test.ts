import { describe, expect, it } from 'vitest'
import { CustomerEmail, plainText, TicketId, untrustedText } from './vocabulary.ts'

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

const SCRIPTS = ['Ёлка', 'می‌خواهم', 'क्‍ष', '👩‍👩‍👧', '❤️', '🏳️‍🌈', 'ไก่', 'Zoë', 'Z̈', '한국어', '𝒜', '1️⃣', 'a\n\tb']

describe('a backend’s text', () => {
  const Text = untrustedText(10)

  it(`${verifies('P17')} holds no character that draws nothing or turns the direction`, () => {
    const kept = invisible().filter(character => Text.parse(`a${character}b`).includes(character))
    expect(pointsOf(kept)).toEqual([])
  })

  it(`${verifies('P17')} hides nothing in joiners: they stand where they join, one at a time`, () => {
    const message = '\u200c\u200d\u200d\u200c\u200c\u200d'.repeat(8)
    expect(untrustedText(200).parse(`Pay${message} now`)).toBe('Pay now')
  })

  it('keeps the letters of every script, and emoji with what they are made of', () => {
    for (const text of SCRIPTS) expect(Text.parse(text)).toBe(text)
  })

  it('is cut between characters', () => {
    expect(untrustedText(6).parse('abcdef')).toBe('abcdef')
    expect(untrustedText(6).parse('abcdefg')).toBe('abcde…')
    expect(untrustedText(6).parse('abcd😀😀')).toBe('abcd…')
  })

  it('keeps its lines, however they end', () => {
    expect(Text.parse('a\r\nb\rc\nd')).toBe('a\nb\nc\nd')
    expect(Text.parse('a\u2028b\u2029c')).toBe('a\nb\nc')
  })
})

describe('a caller’s text', () => {
  const Text = plainText(10)

  it(`${verifies('P2')} is refused with any character that draws nothing or turns the direction`, () => {
    expect(pointsOf(invisible().filter(character => Text.safeParse(`a${character}b`).success))).toEqual([])
  })

  it('may be in every script, on several lines', () => {
    for (const text of SCRIPTS) expect(Text.parse(text)).toBe(text)
  })

  it(`${verifies('P2')} has something in it, and not too much`, () => {
    for (const text of ['', ' ', '\n\t ', '\u00a0', '\u3000', 'x'.repeat(11)])
      expect(Text.safeParse(text).success).toBe(false)
    expect(Text.safeParse('x'.repeat(10)).success).toBe(true)
  })
})

describe('a ticket’s id', () => {
  it(`${verifies('P4')} is one plain segment of a URL`, () => {
    for (const id of ['tic_4mz8wk2hqv6s', '1', 'A-b_c', 'x'.repeat(64)])
      expect(TicketId.safeParse(id).success).toBe(true)
    for (const id of [
      '',
      '.',
      '..',
      '_a',
      '-a',
      'a/b',
      'a%2fb',
      'a?b',
      'a#b',
      'a\n',
      'a b',
      'é',
      'a\u0000',
      'x'.repeat(65),
      7,
    ])
      expect(TicketId.safeParse(id).success, JSON.stringify(id)).toBe(false)
  })
})

describe('a customer’s address', () => {
  it(`${verifies('P2')} is one address`, () => {
    expect(CustomerEmail.safeParse('zoe+shop@bronteson.example').success).toBe(true)
    for (const email of [
      '',
      'zoe',
      'a@b.example,c@d.example',
      'a@b.example\nBcc: c@d.example',
      'Zoe <a@b.example>',
      `${'a'.repeat(250)}@b.example`,
    ])
      expect(CustomerEmail.safeParse(email).success, email).toBe(false)
  })
})
