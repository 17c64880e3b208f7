import { describe, expect, it } from 'vitest'

interface Schema {
  safeParse(value: unknown): { readonly success: boolean }
}

/** What every id has to prove that a model may give, as it goes into a URL. @param example one as the backend makes them */
export function describeId(what: string, schema: Schema, example: string): void {
  describe(what, () => {
    it(`${verifies('P4')} is one plain segment of a URL`, () => {
      for (const id of [example, '1', 'A-b_c', 'x'.repeat(64)])
        expect(schema.safeParse(id).success, JSON.stringify(id)).toBe(true)
      for (const id of [
        '',
        '.',
        '..',
        '_a',
        '-a',
        'a/b',
        'a.json',
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
        expect(schema.safeParse(id).success, JSON.stringify(id)).toBe(false)
    })
  })
}

/** What every address has to prove that a model may give: it leads to one person. */
export function describeEmailAddress(what: string, schema: Schema): void {
  describe(what, () => {
    it(`${verifies('P2')} is one address, and a whole one`, () => {
      expect(schema.safeParse('zoe+shop@bronteson.example').success).toBe(true)
      for (const email of [
        '',
        'zoe',
        '@bronteson.example',
        'a@b.example,c@d.example',
        'a@b.example\n',
        'a@b.example\nBcc: c@d.example',
        'Zoe <a@b.example>',
        `${'a'.repeat(250)}@b.example`,
      ])
        expect(schema.safeParse(email).success, email).toBe(false)
    })
  })
}
