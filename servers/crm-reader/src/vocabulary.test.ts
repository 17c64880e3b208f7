import { describe, expect, it } from 'vitest'
import { CustomerId, Email, isPlain, untrustedText } from './vocabulary.ts'

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

const SCRIPTS = ['Ёлка', 'می‌خواهم', 'क्‍ष', '👩‍👩‍👧', '❤️', '🏳️‍🌈', 'ไก่', 'Zoë', 'Z̈', '한국어', '𝒜', '1️⃣']

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

  it(`${verifies('P17')} is on one line, with its words apart`, () => {
    expect(Text.parse('a\r\nb\tc\u2028d\u2029 e')).toBe('a b c d e')
  })
})

describe('a caller’s text', () => {
  it(`${verifies('P2')} is not plain with any character that draws nothing or turns the direction`, () => {
    expect(pointsOf(invisible().filter(character => isPlain(`a${character}b`)))).toEqual([])
  })

  it('is plain in every script', () => {
    for (const text of SCRIPTS) expect(isPlain(text)).toBe(true)
  })
})

describe('a customer’s id', () => {
  it(`${verifies('P4')} is one plain segment of a URL`, () => {
    for (const id of ['cus_7hk2mq9tx4wd', '1', 'A-b_c', 'x'.repeat(64)])
      expect(CustomerId.safeParse(id).success).toBe(true)
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
      expect(CustomerId.safeParse(id).success, JSON.stringify(id)).toBe(false)
  })
})

describe('an address', () => {
  it(`${verifies('P2')} is a whole one`, () => {
    expect(Email.safeParse('zoe+shop@bronteson.example').success).toBe(true)
    for (const email of [
      '',
      'zoe',
      '@bronteson.example',
      'a@b.example,c@d.example',
      'a@b.example\n',
      `${'a'.repeat(250)}@b.example`,
    ])
      expect(Email.safeParse(email).success, email).toBe(false)
  })
})
