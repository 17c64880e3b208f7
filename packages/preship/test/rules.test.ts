import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../src/catalogue.ts'
import { examine } from '../src/examine.ts'
import type { Finding } from '../src/finding.ts'
import { RULE_KINDS } from '../src/rules/index.ts'
import { CASES } from './fixtures/cases.ts'
import type { Listed } from './fixtures/listed.ts'

const SERVER = fileURLToPath(new URL('./fixtures/listing-server.mjs', import.meta.url))

/** What is found at a server by looking. */
async function found({ neighbours = [], ...listed }: Listed): Promise<readonly Finding[]> {
  const { findings } = await examine({
    target: { kind: 'stdio', program: process.execPath, args: [SERVER, JSON.stringify(listed)], env: {} },
    mayWrite: false,
    neighbours,
    evidence: [],
    timeoutMs: listed.behaviour === 'deep' ? 4_000 : 20_000,
    deadlineMs: 120_000,
    onlyLook: true,
    onProgress: () => {},
  })
  return findings.filter(({ code }) => code in RULE_KINDS)
}

describe.concurrent.each(Object.keys(RULE_KINDS) as (keyof typeof RULE_KINDS)[])('%s', code => {
  const { found: bad = [], clean = [] } = CASES[code] ?? {}

  it('has a server at which it is found, and one like it at which it is not', () => {
    expect(bad.length).toBeGreaterThan(0)
    expect(clean.length).toBeGreaterThan(0)
  })

  it.each(bad.map((listed, n) => [n, listed] as const))('is found (%i)', async (_, listed) => {
    const codes = (await found(listed)).map(finding => finding.code)
    expect(codes).toContain(code)
  })

  it.each(clean.map((listed, n) => [n, listed] as const))('is not found without a reason (%i)', async (_, listed) => {
    const findings = await found(listed)
    expect(findings.filter(finding => finding.code === code)).toEqual([])
    // Whatever else it is like, nothing at it is answered with no.
    expect(findings.filter(finding => CATALOGUE[finding.code]?.severity === 'error')).toEqual([])
  })
})

describe('the catalogue', () => {
  it('says of each kind why it matters and how to narrow it', () => {
    for (const [code, { title, why, narrow }] of Object.entries(CATALOGUE)) {
      expect(code).toMatch(/^[A-Z]+(?:_[A-Z0-9]+)*$/)
      for (const text of [title, why, narrow]) expect(text.length).toBeGreaterThan(5)
      for (const text of [why, narrow]) expect(text).toMatch(/^\S.*[.?]$/)
    }
  })
})
