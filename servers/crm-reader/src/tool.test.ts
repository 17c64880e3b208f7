import { describeTools } from '@narrow-deputies/server-contract/copied'
import { describe, expect, it } from 'vitest'
import { defineTool } from './tool.ts'
import { tools } from './tools/index.ts'

describeTools(defineTool, ['read'])

describe('what a tool says of itself', () => {
  it(`${verifies('P1', 'P6')} is that it reads, whichever of this server’s it is`, () => {
    expect(tools.length).toBeGreaterThan(0)
    for (const { annotations, audit } of tools) {
      expect(annotations).toMatchObject({ readOnlyHint: true, destructiveHint: false })
      expect(audit.effect).toBe('read')
    }
  })
})
