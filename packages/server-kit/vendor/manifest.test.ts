import { describe, expect, it } from 'vitest'
import { formatManifest, ManifestError, parseManifest } from './manifest.ts'

const HASH = 'a'.repeat(64)

function faultsOf(content: unknown): readonly string[] {
  try {
    parseManifest(typeof content === 'string' ? content : JSON.stringify(content))
  } catch (error) {
    if (error instanceof ManifestError) return error.faults
    throw error
  }
  return []
}

describe('a manifest', () => {
  it('is written in the order of its keys, with its places sorted', () => {
    const text = `{
  "version": "0.1.0",
  "variant": "reader",
  "files": {
    "build/a.ts": "${HASH}",
    "call/b.ts": "${HASH}"
  },
  "patched": {
    "build/a.ts": "why",
    "call/b.ts": "why"
  }
}
`
    const files = new Map([
      ['call/b.ts', HASH],
      ['build/a.ts', HASH],
    ])
    const patched = new Map([
      ['call/b.ts', 'why'],
      ['build/a.ts', 'why'],
    ])
    expect(formatManifest({ version: '0.1.0', variant: 'reader', files, patched })).toBe(text)
    expect(formatManifest(parseManifest(text))).toBe(text)
  })

  it('may have only a variant before the first update', () => {
    const empty = new Map()
    expect(parseManifest('{"variant":"reader"}')).toEqual({
      version: undefined,
      variant: 'reader',
      files: empty,
      patched: empty,
    })
  })

  it.each(['', 'no', '[]', 'null', '"text"'])('is a JSON object, which %j is not', text => {
    expect(faultsOf(text)).toHaveLength(1)
  })

  it('names every fault', () => {
    const files = { 'a.ts': HASH.toUpperCase(), 'b.ts': 1 }
    const patched = { 'a.ts': ' ', 'b.ts': null }
    expect(faultsOf({ version: 1, variant: 'toString', files, patched, patches: {} })).toEqual([
      '"patches" is not a key of a manifest',
      '"variant" must be one of full, reader',
      '"version" must be a text that is not empty',
      '"a.ts" under "files" has no SHA-256 in lower-case hex',
      '"b.ts" under "files" has no SHA-256 in lower-case hex',
      '"a.ts" under "patched" has no reason',
      '"b.ts" under "patched" has no reason',
    ])
    expect(faultsOf({ version: '1', variant: 'full', files: [], patched: 'all' })).toHaveLength(2)
    expect(faultsOf({ version: '1', variant: 'full' })).toHaveLength(1)
    expect(faultsOf({ variant: 'full', files: {} })).toHaveLength(1)
  })

  it.each([
    '',
    '/etc/passwd',
    '..',
    '../main.ts',
    'call/../../main.ts',
    './a.ts',
    'call//a.ts',
    'call/',
    'call\\a.ts',
    'C:a.ts',
    'vendored.json',
  ])('lists no file that is not below the folder: %j', place => {
    expect(faultsOf({ version: '1', variant: 'full', files: { [place]: HASH } })).toEqual([
      `"${place}" under "files" is not a path below vendored/`,
    ])
  })
})
