import { describe, expect, it } from 'vitest'
import { staleDocuments } from './docs.ts'

describe('the generated parts of the documents', () => {
  it(`${verifies('P1')} match the code, including the worst case of each tool (if not, run pnpm docs)`, () => {
    expect(staleDocuments()).toEqual([])
  })
})
