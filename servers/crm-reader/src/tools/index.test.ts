import { describe, expect, it } from 'vitest'
import { tools } from './index.ts'

describe('the tools', () => {
  it(`${verifies('P1', 'P6')} only read, each of them`, () => {
    expect(tools.length).toBeGreaterThan(0)
    for (const { name, effect, annotations, audit } of tools) {
      expect(annotations, name).toMatchObject({ readOnlyHint: true, destructiveHint: false })
      expect(audit.effect, name).toBe('read')
      expect(effect, name).toBe('read')
    }
  })
})
