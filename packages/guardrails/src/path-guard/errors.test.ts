import { describe, expect, it } from 'vitest'
import { type DraftRefusal, NotADraftError } from './errors.ts'

describe('NotADraftError', () => {
  it('has the reason, the name and an explanation', () => {
    const error = new NotADraftError('hard-linked', 'a.md')
    expect(error).toMatchObject({ name: 'NotADraftError', reason: 'hard-linked', filename: 'a.md' })
    expect(error.message).toBe('“a.md”: the file has another name elsewhere (a hard link)')
  })

  it('has the explanation only if the name is invalid', () => {
    const error = new NotADraftError('bad-name')
    expect(error).toMatchObject({ reason: 'bad-name', filename: undefined })
    expect(error.message).toBe('this is not a valid name for a draft')
  })

  it('explains each reason differently', () => {
    const reasons: Record<DraftRefusal, true> = {
      'bad-name': true,
      missing: true,
      ambiguous: true,
      'not-a-regular-file': true,
      'hard-linked': true,
      'too-large': true,
      'changed-while-reading': true,
      unreadable: true,
    }
    const messages = Object.keys(reasons).map(reason => new NotADraftError(reason as DraftRefusal).message)
    expect(new Set(messages).size).toBe(8)
  })
})
