import { basename, posix, win32 } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { trials } from '../../test/trials.ts'
import { isDraftName } from './draft-name.ts'

const TITLES = [
  'hello.md',
  'v1.2.3.md',
  '2026-07-01 Release notes (final).md',
  'snake_case-and-dashes.md',
  'Ärger über Öl.md',
  'Zażółć gęślą jaźń.md',
  'Tiếng Việt có dấu.md',
  'Привет мир.md',
  'Ελληνικά ΐ.md',
  '日本語の下書き.md',
  '한국어 초안.md',
  '中文草稿.md',
  'مسودة أولى.md',
  'טיוטה ראשונה.md',
  'हिन्दी मसौदा.md',
  'தமிழ் வரைவு.md',
  'ร่างภาษาไทย.md',
  '٢٠٢٦ خطة.md',
  'condition.md',
  'falcon.md',
  'menu nul.md',
  'auxiliary.md',
  'computer 1.md',
]

const REFUSED: Record<string, readonly string[]> = {
  'that is empty or has nothing before its extension': ['', '.md', ' .md', '-.md', '_a.md', '(a).md'],
  'with another extension': ['a', 'a.txt', 'a.MD', 'a.Md', 'a.md.', 'a.md ', 'a.md\n', 'a.md..', 'a.mdx', 'a.md.txt'],
  'that starts with a dot': ['..', '.', '...md', '..md', '.hidden.md', '../a.md', './a.md'],
  'with a separator': [
    'a/b.md',
    '/a.md',
    'a\\b.md',
    '\\\\host\\share\\a.md',
    'a/../b.md',
    'a∕b.md',
    'a⁄b.md',
    'a／b.md',
  ],
  'with a drive letter or an alternate data stream': [
    'C:a.md',
    'C:\\a.md',
    'a:b.md',
    'a.md:stream.md',
    'a.txt::$DATA.md',
  ],
  'with an escape': [
    '%2e%2e%2fa.md',
    'a%00.md',
    'a%2fb.md',
    '$HOME.md',
    '~a.md',
    '`id`.md',
    'a;b.md',
    'a|b.md',
    'a&b.md',
  ],
  'with a control character': [
    'a\0.md',
    'a\0.txt.md',
    'a\nb.md',
    'a\rb.md',
    'a\tb.md',
    'a\x1bb.md',
    'a\x7fb.md',
    'a\x85b.md',
  ],
  'with a line or paragraph separator': ['a\u2028b.md', 'a\u2029b.md'],
  'with a bidirectional control': [
    'a\u202eb.md',
    'a\u202ab.md',
    'a\u2066b.md',
    'a\u2069b.md',
    'a\u200eb.md',
    'a\u200fb.md',
    'a\u061cb.md',
  ],
  'with a zero-width character': [
    'a\u200bb.md',
    'a\u200cb.md',
    'a\u200db.md',
    'a\u2060b.md',
    'a\ufeffb.md',
    'a\u00adb.md',
    '\ufeffa.md',
  ],
  'with a letter or mark that has no glyph': [
    'a\u3164b.md',
    'a\uffa0b.md',
    'a\u115fb.md',
    'a\u1160b.md',
    'a\u034fb.md',
    'a\u17b4b.md',
    '\u3164.md',
  ],
  'with a variation selector or a tag': [
    'a\ufe0fb.md',
    'a\ufe00b.md',
    'a\u{e0100}b.md',
    'a\u180bb.md',
    'a\u{e0041}b.md',
  ],
  'with a space other than U+0020': ['a\u00a0b.md', 'a\u3000b.md', 'a\u2003b.md', 'a\u202fb.md', 'a\u1680b.md'],
  'with an unpaired surrogate': ['a\ud800b.md', 'a\udc00b.md', '\ud83d.md', 'a\udfff\ud800b.md'],
  'with a private or unassigned character': ['a\ue000b.md', 'a\u{10ffff}b.md', 'a\u0378b.md', 'a\ufffdb.md'],
  'of a Windows device': [
    'con.md',
    'CON.md',
    'Con .md',
    'con  .foo.md',
    'prn.md',
    'aux.md',
    'nul.md',
    'NUL.tar.md',
    'com0.md',
    'COM1.md',
    'lpt9.md',
    'lpt1 .md',
    'com¹.md',
    'LPT².md',
    'conin$.md',
  ],
}

const GENERATED = trials('names', { short: 2_000, full: 20_000 })

describe('isDraftName', () => {
  it.each(TITLES)(`${verifies('P3')} accepts the title %s, in either Unicode spelling`, title => {
    expect(isDraftName(title.normalize('NFC'))).toBe(true)
    expect(isDraftName(title.normalize('NFD'))).toBe(true)
  })

  for (const [kind, names] of Object.entries(REFUSED))
    it(`${verifies('P3')} refuses a name ${kind}`, () => {
      expect(names.filter(isDraftName)).toEqual([])
    })

  it(`${verifies('P3')} counts the bytes of a name, in every script`, () => {
    const fits = (letter: string, count: number): boolean => isDraftName(`${letter.repeat(count)}.md`)
    expect([fits('a', 197), fits('a', 198)]).toEqual([true, false])
    expect([fits('я', 98), fits('я', 99)]).toEqual([true, false])
    expect([fits('語', 65), fits('語', 66)]).toEqual([true, false])
    expect([fits('𐐀', 49), fits('𐐀', 50)]).toEqual([true, false])
    // In NFD, each has three UTF-16 units and up to nine bytes. In NFC, it has one unit and three bytes.
    expect([fits('각'.normalize('NFD'), 65), fits('각'.normalize('NFD'), 66)]).toEqual([true, false])
    expect([fits('ᾂ'.normalize('NFD'), 65), fits('ᾂ'.normalize('NFD'), 66)]).toEqual([true, false])
    expect(isDraftName(`${'a'.repeat(50_000_000)}.md`)).toBe(false)
  })

  it(`${verifies('P16')} does not normalise a name that is too long`, () => {
    const normalize = vi.spyOn(String.prototype, 'normalize')
    expect([isDraftName('a'.repeat(601)), isDraftName('a'.repeat(50_000_000))]).toEqual([false, false])
    expect(normalize).not.toHaveBeenCalled()
    normalize.mockRestore()
  })

  it(`${verifies('P3')} accepts no Unicode character that separates, controls, reorders or is invisible`, () => {
    const allowed = /^[\p{L}\p{M}\p{Nd} ._\-()]+$/u
    const hostile = /[\p{C}\p{Z}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}/\\:*?"<>|%]/u
    const wrong: string[] = []
    for (let code = 0; code <= 0x10ffff; code += 1) {
      const character = String.fromCodePoint(code)
      if (!isDraftName(`a${character}b.md`)) continue
      // NFC may replace a character by another one, and the NFC form is the one that is looked up in the folder.
      for (const form of [character, character.normalize('NFC')])
        if (!allowed.test(form) || (form !== ' ' && hostile.test(form))) wrong.push(code.toString(16))
    }
    expect(wrong).toEqual([])
  })

  it(`${verifies('P3')} accepts only names that every system treats as one entry of a folder ${GENERATED.label}`, () => {
    const hostile = fc.oneof(
      fc.constantFrom(
        '.',
        '..',
        '/',
        '\\',
        ':',
        ' ',
        '\0',
        '.md',
        'con',
        '\u202e',
        '\u200d',
        '\u3164',
        '\ud800',
        'e\u0301',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    )
    const harmless = fc.constantFrom('a', 'é', 'я', '語', '9', '_', '-', '(', ')', ' ')
    const pieces = fc.oneof({ weight: 2, arbitrary: harmless }, { weight: 1, arbitrary: hostile })
    const extension = fc.constantFrom('.md', '.md', '.md', '.md', '.MD', '')
    let accepted = 0
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 6 }), extension, (parts, end) => {
        const name = `${parts.join('')}${end}`
        if (!isDraftName(name)) return
        accepted += 1
        expect(name).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}/\\:]/u)
        const nfc = name.normalize('NFC')
        expect([basename(nfc), win32.basename(nfc)]).toEqual([nfc, nfc])
        expect(posix.normalize(nfc)).toBe(nfc)
        expect(win32.normalize(nfc)).toBe(nfc)
        expect(posix.dirname(posix.join('/drafts', nfc))).toBe('/drafts')
        expect(nfc.isWellFormed()).toBe(true)
        expect(Buffer.byteLength(nfc)).toBeLessThanOrEqual(200)
        expect(isDraftName(nfc)).toBe(true)
      }),
      { numRuns: GENERATED.count },
    )
    expect(accepted).toBeGreaterThan(GENERATED.count / 20)
  })
})
