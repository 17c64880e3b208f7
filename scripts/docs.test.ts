import { describe, expect, it } from 'vitest'
import { staleDocuments } from './docs.ts'

describe('the documents', () => {
  it(`${verifies('P1')} tell what the code says, each tool’s worst case among it (else: pnpm docs)`, () => {
    expect(staleDocuments()).toEqual([])
  })
})
