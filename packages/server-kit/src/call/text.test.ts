import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { isPlain, plainEnd, plainLine, plainText, untrustedLine, untrustedText } from './text.ts'

/** Line break and tab, and what joins characters: these have a use. */
const USED = ['\n', '\t', '\u200c', '\u200d', '\ufe0f']

/** Words and emoji whose characters are more than one code point, or need what joins them. */
const SCRIPTS = ['Ёлка', 'می‌خواهم', 'क्‍ष', '👩‍👩‍👧', '❤️', '🏳️‍🌈', 'ไก่', 'Zoë', 'Z̈', '한국어', '𝒜', '1️⃣']

/** The last three stand for notes between lines. Nothing draws them, and no property names them. */
const DRAWS_NOTHING = /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\ufff9-\ufffb]/u

/** Every character that draws nothing or turns the direction, and has no use. */
const INVISIBLE = Array.from({ length: 0x110000 }, (_, point) => String.fromCodePoint(point)).filter(
  character => DRAWS_NOTHING.test(character) && !USED.includes(character),
)

/** Characters whose neighbours decide whether they are kept, and such neighbours, some of which are removed. */
const INTERACTING = ['a', ' ', '😀', '❤', '\u0308', '\u200c', '\u200d', '\ufe0f', '\ufe00', '\u200b', '\u3164']

function pointsOf(characters: string[]): string[] {
  return characters.map(character => `U+${character.codePointAt(0)?.toString(16).padStart(4, '0')}`)
}

/** Every text of up to `length` of these characters. */
function textsOf(characters: readonly string[], length: number): string[] {
  if (length === 0) return ['']
  return ['', ...characters.flatMap(character => textsOf(characters, length - 1).map(rest => character + rest))]
}

const CLEANERS: [string, (text: string, max: number) => string][] = [
  ['untrustedText', (text, max) => untrustedText(max).parse(text)],
  ['untrustedLine', (text, max) => untrustedLine(max).parse(text)],
  ['plainLine', plainLine],
  ['plainEnd', plainEnd],
]

describe.each(CLEANERS)('a text that %s cleaned', (_, clean) => {
  it(`${verifies('P17')} holds no character that draws nothing or turns the direction`, () => {
    expect(pointsOf(INVISIBLE.filter(character => clean(`a${character}b`, 10).includes(character)))).toEqual([])
  })

  it(`${verifies('P17')} hides nothing in joiners: each stands where it joins, one at a time`, () => {
    const message = '\u200c\u200d\u200d\u200c\u200c\u200d'.repeat(8)
    expect(clean(`Pay${message} now`, 200)).toBe('Pay now')
  })

  it(`${verifies('P17')} hides nothing in joiners whose neighbours were removed`, () => {
    const message = '\u3164\u200c\u3164\u200d\u3164\u200d\u3164'.repeat(8)
    expect(clean(`Pay ${message} now`, 200)).toBe('Pay  now')
    expect(clean('Pay \ufe0f\u200d😀', 200)).toBe('Pay 😀')
  })

  it(`${verifies('P17')} is plain, whatever it was and wherever it was cut`, () => {
    const texts = textsOf(INTERACTING, 4)
    expect(texts.filter(text => !isPlain(clean(text, 20)))).toEqual([])
    for (const max of [1, 2, 3, 4, 5]) expect(texts.filter(text => !isPlain(clean(text, max)))).toEqual([])
  })

  it('is cleaned however long it is', () => {
    expect(clean(`${'\u200b\u3164\u200d'.repeat(50_000)}a`, 10)).toBe('a')
  })

  it('keeps the letters of every script, and emoji with all their parts', () => {
    for (const text of SCRIPTS) expect(clean(text, 10)).toBe(text)
  })

  it('is never longer than the limit', () => {
    for (const max of [1, 2, 3, 10])
      for (const text of ['a'.repeat(20), '😀'.repeat(20), 'a\n'.repeat(20)])
        expect(clean(text, max).length).toBeLessThanOrEqual(max)
    expect(clean('abcdef', 6)).toBe('abcdef')
    expect(clean('abcdefg', 1)).toBe('…')
  })
})

describe.each(CLEANERS.slice(0, 3))('a text that %s cut', (_, clean) => {
  it('is cut at its end, between characters', () => {
    expect(clean('abcdefg', 6)).toBe('abcde…')
    expect(clean('abcd😀😀', 6)).toBe('abcd…')
    expect(clean('abc😀😀', 6)).toBe('abc😀…')
  })

  it(`${verifies('P17')} does not end with a joiner that joined what was cut off`, () => {
    expect(clean('a\u200dbcd', 3)).toBe('a…')
    expect(clean('👩\u200d👩\u200d👧', 5)).toBe('👩…')
  })
})

describe('the end of a text, by plainEnd', () => {
  it('is cut at its start, between characters', () => {
    expect(plainEnd('abcdefg', 6)).toBe('…cdefg')
    expect(plainEnd('😀😀abcd', 6)).toBe('…abcd')
    expect(plainEnd('😀😀abc', 6)).toBe('…😀abc')
  })

  it(`${verifies('P17')} does not begin with a joiner that joined what was cut off`, () => {
    expect(plainEnd('abc\u200dd', 3)).toBe('…d')
    expect(plainEnd('👧\u200d👩\u200d👩', 5)).toBe('…👩')
    expect(plainEnd('ab❤\ufe0fc', 3)).toBe('…c')
  })

  it('keeps its lines, and has no blanks around it', () => {
    expect(plainEnd(' a\r\nb\tc\n', 20)).toBe('a\nb\tc')
    expect(plainEnd('a\rb\u0085c\u2028d\u2029e\nf', 20)).toBe('a\nb\nc\nd\ne\nf')
  })
})

describe('a line, by plainLine', () => {
  it('is on one line, with its words apart and no blanks around it', () => {
    expect(plainLine(' a\r\nb\t\u2028 c\ud83d ', 20)).toBe('a b c')
    expect(plainLine('a\u0085b\u2029\u0085c\n', 20)).toBe('a b c')
  })

  it('is cut after its blanks are gone', () => {
    expect(plainLine('  abc  ', 3)).toBe('abc')
  })
})

describe('a backend’s text', () => {
  it('keeps its lines, however they end, by untrustedText', () => {
    const Text = untrustedText(11)
    expect(Text.parse('a\n\tb')).toBe('a\n\tb')
    expect(Text.parse('a\r\nb\rc\nd')).toBe('a\nb\nc\nd')
    expect(Text.parse('a\u2028b\u2029c\u0085d')).toBe('a\nb\nc\nd')
    expect(Text.parse(' a ')).toBe(' a ')
  })

  it(`${verifies('P17')} is on one line, with its words apart, by untrustedLine`, () => {
    expect(untrustedLine(10).parse('a\r\nb\tc\u2028d\u2029 e')).toBe('a b c d e')
    expect(untrustedLine(10).parse('a\u0085\u0085b')).toBe('a b')
  })

  it('is measured after it was cleaned', () => {
    expect(untrustedText(3).parse('a\u200b\u200bbc')).toBe('abc')
    expect(untrustedLine(3).parse('a \r\n\t b')).toBe('a b')
  })

  it.each([untrustedText, untrustedLine])(
    'is refused if it is no text, and has a limit that can be published: %o',
    of => {
      for (const other of [7, null, undefined, ['a'], { a: 1 }]) expect(of(5).safeParse(other).success).toBe(false)
      expect(z.toJSONSchema(of(5), { io: 'output' })).toMatchObject({ type: 'string', maxLength: 5 })
    },
  )
})

describe('a caller’s text', () => {
  const Text = plainText(10)

  it(`${verifies('P2')} is not plain with any character that draws nothing or turns the direction`, () => {
    expect(pointsOf(INVISIBLE.filter(character => isPlain(`a${character}b`)))).toEqual([])
    expect(pointsOf(INVISIBLE.filter(character => Text.safeParse(`a${character}b`).success))).toEqual([])
  })

  it(`${verifies('P2')} is not plain with a joiner or a selector that has nothing to join or select`, () => {
    for (const text of ['\u200da', 'a\u200d', 'a\u200d\u200db', 'a \u200cb', 'a\ufe0f', '\ufe0fa'])
      expect([isPlain(text), Text.safeParse(text).success], JSON.stringify(text)).toEqual([false, false])
  })

  it('is plain in every script', () => {
    for (const text of SCRIPTS) expect([isPlain(text), Text.safeParse(text).success], text).toEqual([true, true])
  })

  it('may be on several lines', () => {
    expect(isPlain('a\n\tb')).toBe(true)
    expect(Text.parse('a\n\tb')).toBe('a\n\tb')
  })

  it(`${verifies('P2')} has something in it, and not too much`, () => {
    for (const text of ['', ' ', '\n\t ', '\u00a0', '\u3000', 'x'.repeat(11)])
      expect(Text.safeParse(text).success).toBe(false)
    expect(Text.safeParse('x'.repeat(10)).success).toBe(true)
    expect(Text.safeParse(' x ').data).toBe(' x ')
  })

  it('is refused with the reason', () => {
    const reasonsOf = (text: string) => Text.safeParse(text).error?.issues.map(({ message }) => message)
    expect(reasonsOf(' ')).toEqual(['is empty'])
    expect(reasonsOf('a\u202eb')).toEqual(['holds control, bidirectional or invisible characters'])
  })
})
