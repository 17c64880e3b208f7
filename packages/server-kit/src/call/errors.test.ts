import { describe, expect, it } from 'vitest'
import { asCoded, CodedError, ERROR_CODES } from './errors.ts'

describe('the codes that a caller can be given', () => {
  it('are a closed set: a change here is a change of what clients and audit queries rely on', () => {
    expect(ERROR_CODES).toEqual([
      'INVALID_INPUT',
      'NOT_FOUND',
      'NOT_A_DRAFT',
      'CONFIRMATION_UNAVAILABLE',
      'CONFIRMATION_DECLINED',
      'CONFIRMATION_INVALID',
      'FORBIDDEN',
      'BACKEND_REFUSED',
      'BACKEND_UNAVAILABLE',
      'RATE_LIMITED',
      'OUTCOME_UNKNOWN',
      'AUDIT_UNAVAILABLE',
      'CANCELLED',
      'INTERNAL',
    ])
  })
})

describe('a coded error', () => {
  it('carries its code, its message, the time to wait and its cause', () => {
    const cause = new Error('why')
    const error = new CodedError('RATE_LIMITED', 'Wait.', { retryAfterSeconds: 7, cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'CodedError', code: 'RATE_LIMITED', message: 'Wait.', retryAfterSeconds: 7 })
    expect(error.cause).toBe(cause)
  })

  it('has no time to wait and no cause unless they are given', () => {
    const error = new CodedError('NOT_FOUND', 'There is none.')
    expect([error.retryAfterSeconds, error.cause]).toEqual([undefined, undefined])
  })

  it('takes no code that is not in the set, or it does not compile', () => {
    // @ts-expect-error The set of codes is closed.
    const error = new CodedError('OOPS', 'no')
    expect(error.message).toBe('no')
  })
})

describe('asCoded', () => {
  it('returns a coded error as it is', () => {
    const error = new CodedError('NOT_FOUND', 'There is none.')
    expect(asCoded(error)).toBe(error)
  })

  it.each([[new Error('at /secret/path with key hunter2')], ['hunter2'], [{ code: 'NOT_FOUND', message: 'hunter2' }]])(
    `${verifies('P16')} makes anything else INTERNAL, and tells the caller nothing of it: %o`,
    failure => {
      const error = asCoded(failure)
      expect(error).toBeInstanceOf(CodedError)
      expect(error.code).toBe('INTERNAL')
      expect(error.message).not.toMatch(/secret|hunter2/)
      expect(error.message).toContain('operator')
      // For the operator's log alone.
      expect(error.cause).toBe(failure)
    },
  )

  it.each([[undefined], [null]])('makes %j INTERNAL', failure => {
    expect(asCoded(failure).code).toBe('INTERNAL')
  })
})
