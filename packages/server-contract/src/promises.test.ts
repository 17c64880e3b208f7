import { describe, expect, it } from 'vitest'
// @boundaries-ignore The list of promises belongs to the whole repository.
import { PROMISES } from '../../../scripts/verifies.ts'
import { citationsOf, promisesBroken } from './citations.ts'
import { readSources } from './repository.ts'

describe('the promises', () => {
  it('are each cited by a test, and tests cite no other ids', () => {
    const citations = readSources()
      .filter(({ path }) => path.endsWith('.test.ts') || path.startsWith('packages/server-contract/src/'))
      .flatMap(citationsOf)
    expect(promisesBroken(citations, PROMISES)).toEqual([])
  })

  it('are reported if a citation is missing, unknown or computed', () => {
    const cite = (...lines: string[]) =>
      promisesBroken(citationsOf({ path: 'a.test.ts', text: lines.join('\n').replaceAll('VERIFIES', 'verifies') }), [
        'P1',
      ])
    expect(cite("it(`${VERIFIES('P1')} refuses`, () => {})")).toEqual([])
    expect(cite("const label = VERIFIES('P1',\n  'P1',\n)")).toEqual([])
    expect(cite("// VERIFIES('P1')", '/** VERIFIES("P1") */', 'const text = "VERIFIES(\'P1\')"')).toEqual([
      'P1 is cited by no test',
    ])
    expect(cite("VERIFIES('P1', 'P18')")).toEqual(['a.test.ts cites P18'])
    expect(cite("VERIFIES('P1')", 'VERIFIES(id)', 'VERIFIES()')).toEqual([
      'a.test.ts cites a computed id',
      'a.test.ts cites a computed id',
    ])
  })
})
