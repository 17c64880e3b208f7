import { describe, expect, it } from 'vitest'
import { readPattern } from './pattern.ts'

describe('reading a pattern without running it', () => {
  it.each([
    ['^T-[0-9]{1,8}$', true],
    ['^[a-z]+$', false],
    ['^[a-z]*?$', false],
    ['^[a-z]{2,}$', false],
    ['^(?:a|b)?[0-9]{3}$', true],
    ['^[+*]{4}$', true],
    ['^a\\+$', true],
    ['^a{1,99999999}$', false],
    ['^a{99999999}$', false],
  ])('reports for %s that it is bounded: %s', (pattern, isBounded) => {
    expect(readPattern(pattern)?.isBounded).toBe(isBounded)
  })

  it.each([
    ['^[\\w.-]{1,80}$', false],
    ['^[\\p{L}\\p{N} ._-]{1,80}\\.md$', false],
    ['^.{1,80}$', true],
    ['^[^/]{1,80}$', true],
    ['^[^/\\\\]{1,80}$', false],
    ['^[+-9]{1,80}$', true],
    ['^\\S{1,80}$', true],
    ['^a/b$', true],
    ['^a\\/b$', true],
    ['^[\\s\\S]{1,9}$', true],
  ])('reports for %s that it can contain a separator: %s', (pattern, hasSeparator) => {
    expect(readPattern(pattern)?.hasSeparator).toBe(hasSeparator)
  })

  it.each([undefined, 5, '', 'a', '^a', 'a$', '^a\\$', '^a|b$', `^${'a'.repeat(2_000)}$`])(
    'returns nothing for %s',
    pattern => {
      expect(readPattern(pattern)).toBeUndefined()
    },
  )
})
