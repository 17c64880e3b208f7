import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Draft, type DraftsFolder, isDraftName, NotADraftError } from '#guardrails/path-guard'
import { articleOf, readArticle, titleOf } from './article.ts'

/** What the backend takes for a slug; see the blog's API. */
const SLUG = /^[\p{Ll}\p{Lm}\p{Lo}\p{M}\p{Nd}]+(?:-[\p{Ll}\p{Lm}\p{Lo}\p{M}\p{Nd}]+)*$/u

function draftOf(content: string | Uint8Array, filename = 'week.md'): Draft {
  const bytes = Buffer.from(content)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { filename, bytes, sha256, modifiedAt: new Date(0) }
}

const slugOf = (filename: string): string => articleOf(draftOf('x', filename)).slug

/** The same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Letters of many kinds, marks, digits and what else a name can have. */
const ALPHABET = [
  ...'aZ09 ._-()ßéÑçØıİſ',
  ...'Ωςя日本ไก่عم٣४ǅǈ',
  'e\u0301',
  'ñ\u0323',
  'ṩ',
  '𠀀',
  '𝒜',
  '𐐀',
  '𖹀',
  'ﬁ',
  'Å',
  'K',
]

function names(count: number): string[] {
  const pick = random(7)
  const made: string[] = []
  while (made.length < count) {
    const length = 1 + pick(130)
    const name = `${Array.from({ length }, () => ALPHABET[pick(ALPHABET.length)]).join('')}.md`.normalize('NFC')
    if (isDraftName(name)) made.push(name)
  }
  return made
}

describe('an article', () => {
  it(`${verifies('P3')} has exactly the bytes of its draft, whatever text they are`, () => {
    const pick = random(11)
    for (let round = 0; round < 500; round += 1) {
      const text = String.fromCodePoint(
        ...Array.from({ length: pick(60) }, () => {
          const point = pick(0x110000)
          return point >= 0xd800 && point < 0xe000 ? 0xfeff : point
        }),
      )
      const draft = draftOf(text)
      const { markdown, sha256 } = articleOf(draft)
      expect(Buffer.from(markdown).equals(draft.bytes)).toBe(true)
      expect(createHash('sha256').update(markdown).digest('hex')).toBe(sha256)
    }
  })

  it(`${verifies('P3')} is not made of bytes that are not text: none of them is replaced`, () => {
    const pick = random(13)
    let refused = 0
    for (let round = 0; round < 500; round += 1) {
      const bytes = Buffer.from(Array.from({ length: 1 + pick(8) }, () => pick(256)))
      try {
        expect(Buffer.from(articleOf(draftOf(bytes)).markdown).equals(bytes)).toBe(true)
      } catch (error) {
        expect(error).toMatchObject({ code: 'NOT_A_DRAFT', message: '“week.md” is not UTF-8 text.' })
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(200)
  })

  it('is not made of what the path guard refuses, and the guard’s reason is reported', () => {
    const folder = (failure: Error) =>
      ({
        read: () => {
          throw failure
        },
      }) as unknown as DraftsFolder
    expect(() => readArticle(folder(new NotADraftError('hard-linked', 'week.md')), 'week.md')).toThrow(
      expect.objectContaining({
        code: 'NOT_A_DRAFT',
        message:
          '“week.md”: the file has another name elsewhere (a hard link). Only filenames that listDrafts returned are accepted.',
      }),
    )
    // A fault of ours is not the caller's.
    expect(() => readArticle(folder(new TypeError('bug')), 'week.md')).toThrow(TypeError)
  })
})

describe('a slug', () => {
  it.each([
    ['week.md', 'week'],
    ['A Quiet Week.md', 'a-quiet-week'],
    ['2026-roadmap.md', '2026-roadmap'],
    ['pricing (what changes in May).md', 'pricing-what-changes-in-may'],
    ['Así medimos la espera.md', 'así-medimos-la-espera'],
    ['Καλημέρα από την Αθήνα.md', 'καλημέρα-από-την-αθήνα'],
    ['a...b --- c.md', 'a-b-c'],
    ['v1.2 (final).md', 'v1-2-final'],
    ['a.md.md', 'a-md'],
    ['日本語.md', '日本語'],
    ['ไก่.md', 'ไก่'],
    ['٣ ४.md', '٣-४'],
    ['ENDS WITH DOTS....md', 'ends-with-dots'],
  ])('of %s is %s', (filename, slug) => {
    expect(slugOf(filename)).toBe(slug)
  })

  it(`${verifies('P4')} is never empty or too long, and has letters, marks, digits and single hyphens alone`, () => {
    for (const filename of names(3000)) {
      const slug = slugOf(filename)
      expect(slug.length, filename).toBeGreaterThan(0)
      expect(slug.length, filename).toBeLessThanOrEqual(120)
      expect(slug, filename).toMatch(/^[\p{L}\p{M}\p{Nd}]+(?:-[\p{L}\p{M}\p{Nd}]+)*$/u)
      expect(slug.normalize('NFC').toLowerCase().normalize('NFC'), filename).toBe(slug.normalize('NFC'))
    }
  })

  it('is cut between characters, so that the backend can take it', () => {
    // Of two units, where the slug is cut in the middle of it.
    for (const letter of ['𠀀', '𖹠', '𐐨']) {
      const slug = slugOf(`${'a'.repeat(119)}${letter}b.md`)
      expect(slug).toMatch(SLUG)
      expect(slug.length).toBeLessThanOrEqual(120)
    }
    expect(slugOf(`${'a'.repeat(119)} b.md`)).toBe('a'.repeat(119))
    expect(slugOf(`${'a'.repeat(118)} bc.md`)).toBe(`${'a'.repeat(118)}-b`)
  })
})

describe('words', () => {
  const wordsOf = (text: string): number => articleOf(draftOf(text)).words

  it.each([
    ['', 0],
    [' \n\t ', 0],
    ['one', 1],
    ['one two\nthree', 3],
    ['don’t stop, it’s well-known', 4],
    ['1,5 million', 3],
    ['— * # … 😀', 0],
    ['naïve façade Cafe\u0301', 3],
    ['Привет, мир! مرحبا', 3],
    ['\ufeffone', 1],
  ])('of %j are %i', (text, words) => {
    expect(wordsOf(text)).toBe(words)
  })

  it('of two texts, one after the other, are the sum of both', () => {
    const pick = random(17)
    const text = () =>
      Array.from({ length: pick(30) }, () => ['one', 'don’t', 'é', '7', '-', '😀', '#'][pick(7)]).join(' ')
    for (let round = 0; round < 200; round += 1) {
      const [first, second] = [text(), text()]
      expect(wordsOf(`${first}\n${second}`)).toBe(wordsOf(first) + wordsOf(second))
    }
  })
})

describe('a title', () => {
  it(`${verifies('P17')} is one line of at most 200 units, never empty, and without deceptive characters, whatever the draft holds`, () => {
    const pick = random(19)
    const pieces = [
      '---\n',
      'title: ',
      '# ',
      '"',
      '\n',
      'a',
      ' ',
      '\u202e',
      '\u200b',
      '\u0007',
      '😀',
      '\ud800',
      '\u{e0041}',
      '\t',
      '#',
      '\r',
    ]
    for (let round = 0; round < 3000; round += 1) {
      const text = Array.from({ length: pick(400) }, () => pieces[pick(pieces.length)]).join('')
      const title = titleOf(draftOf(pick(2) ? text : `# ${text}`, 'My week.md'))
      expect(title.length).toBeGreaterThan(0)
      expect(title.length).toBeLessThanOrEqual(200)
      expect(title).not.toMatch(/\p{Cc}|\p{Bidi_Control}|\p{Zl}|\p{Zp}|[\u200b\ufeff\u{e0000}-\u{e0fff}]/u)
      expect(title.isWellFormed()).toBe(true)
      expect(title).toBe(title.trim())
    }
  })

  it.each([
    ['# \n\n# Real\n', 'Real'],
    ['#\t\r\n# \n# Real\r\n# Later', 'Real'],
    ['# #\n# ##\n# Real #', 'Real'],
    ['# \u200b\n# Real', 'Real'],
    ['---\ntitle: ""\n---\n# \n# Real', 'Real'],
    ['# \n# #\nText', 'week'],
  ])('is not taken from a heading without any text: %j', (text, title) => {
    expect(titleOf(draftOf(text))).toBe(title)
  })

  it('is found within two seconds among hundreds of thousands of headings without any text', () => {
    const startedAt = performance.now()
    expect(titleOf(draftOf(`${'# \n'.repeat(300_000)}# Real`))).toBe('Real')
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })
})
