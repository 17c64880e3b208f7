import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { thrownBy } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { UrlPathError } from './errors.ts'
import { urlPath } from './url-path.ts'

const ORIGIN = 'http://127.0.0.1:4000'

const DANGEROUS: Record<string, string> = {
  'an empty string': '',
  'a dot': '.',
  'two dots': '..',
  'encoded dots': '%2e%2e',
  'half-encoded dots': '.%2E',
  'doubly encoded dots': '%252e%252e',
  'an encoded slash': 'a%2fb',
  'a slash': '/',
  'two slashes': '//evil.example',
  'a parent segment': '../admin',
  'a parent segment after a name': '1/../../admin',
  'a backslash': '\\',
  'a parent segment with a backslash': '..\\admin',
  'a query': '1?admin=true',
  'a fragment': '1#x',
  'a path parameter': '1;admin=true',
  'a semicolon after dots': '..;',
  'a percent sign': '%',
  NUL: '1\0',
  'a line break': '1\r\nHost: evil.example',
  'a line feed': '\n',
  'a tab between dots': '.\t.',
  'a delete character': '1\x7f',
  'a next-line character': '1\x85',
  'a line separator': '1\u2028',
  'a paragraph separator': '1\u2029',
  'the first half of a surrogate pair': '1\ud800',
  'the second half of a surrogate pair': '\udc00',
  'a megabyte': 'a'.repeat(1024 * 1024),
  'one character too many': 'a'.repeat(257),
}

const GENERATED = trials('values', { short: 1_500, full: 10_000 })

describe('urlPath', () => {
  it(`${verifies('P4')} inserts a value as one segment`, () => {
    expect(urlPath`/customers/${'cus_01'}/notes`).toBe('/customers/cus_01/notes')
    expect(urlPath`/customers/${'a b@c:d&e=f+g,é語…'}`).toBe(
      '/customers/a%20b%40c%3Ad%26e%3Df%2Bg%2C%C3%A9%E8%AA%9E%E2%80%A6',
    )
    expect(urlPath`/tickets/${'7'}/comments/${'...'}`).toBe('/tickets/7/comments/...')
    expect(urlPath`/health`).toBe('/health')
    expect(urlPath`/${'a'.repeat(256)}`).toBe(`/${'a'.repeat(256)}`)
  })

  it.each(Object.entries(DANGEROUS))(`${verifies('P4')} refuses %s, without repeating it`, (_, value) => {
    const error = thrownBy(() => urlPath`/customers/${value}/notes`)
    expect(error).toBeInstanceOf(UrlPathError)
    expect(error.message).toMatch(/^a path segment /)
    if (value.length > 3) expect(error.message).not.toContain(value)
  })

  it(`${verifies('P4')} refuses a dangerous value in every place, also beside valid ones`, () => {
    expect(() => urlPath`/a/${'1'}/b/${'..'}`).toThrow(UrlPathError)
    expect(() => urlPath`/a/${'..'}/b/${'1'}`).toThrow(UrlPathError)
    expect(() => urlPath`${'..'}`).toThrow(UrlPathError)
  })

  it.each([undefined, null, 7, true, {}, ['..'], { toString: () => '..' }])(
    `${verifies('P4')} refuses %j, which is not a string`,
    value => {
      expect(() => urlPath`/customers/${value as unknown as string}`).toThrow(UrlPathError)
    },
  )

  it(`${verifies('P4')} reaches the same endpoint for every value ${GENERATED.label}`, () => {
    const pieces = fc.oneof(
      fc.constantFrom(
        '.',
        '..',
        '/',
        '\\',
        '%',
        '%2e',
        '%2F',
        '%5c',
        '?',
        '#',
        ';',
        '@',
        ':',
        '&',
        '=',
        '+',
        '//',
        '\r\n',
      ),
      fc.constantFrom(
        '\t',
        '\0',
        ' ',
        '\u2028',
        '\ufeff',
        '\u00ad',
        '．',
        '／',
        '。',
        '\ud800',
        '\udfff',
        'http:',
        'a',
        '1',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 3 }).map(units => String.fromCharCode(...units)),
    )
    let accepted = 0
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 4 }), parts => {
        const value = parts.join('')
        const shapes: readonly (readonly [build: () => string, place: number, segments: number])[] = [
          [() => urlPath`/${value}`, 1, 1],
          [() => urlPath`/customers/${value}`, 2, 2],
          [() => urlPath`/customers/${value}/notes`, 2, 3],
          [() => urlPath`/customers/${value}/notes/${value}`, 4, 4],
        ]
        for (const [build, place, count] of shapes) {
          let path: string
          try {
            path = build()
          } catch (error) {
            expect(error).toBeInstanceOf(UrlPathError)
            continue
          }
          accepted += 1
          for (const url of [
            new URL(path, ORIGIN),
            new URL(`${ORIGIN}${path}`),
            new URL(path, `${ORIGIN}/base/path`),
          ]) {
            expect([url.origin, url.search, url.hash, url.username]).toEqual([ORIGIN, '', '', ''])
            expect(url.pathname).toBe(path)
            const [root, ...segments] = url.pathname.split('/')
            expect(root).toBe('')
            expect(segments).toHaveLength(count)
            expect(decodeURIComponent(segments[place - 1] ?? '')).toBe(value)
          }
        }
      }),
      { numRuns: GENERATED.count },
    )
    expect(accepted).toBeGreaterThan(GENERATED.count / 2)
  })
})
