import { describe, expect, it } from 'vitest'
import { asRecord, clientOf, errorReply, INTERNAL_ERROR, INVALID_REQUEST, isId, rejection } from './json-rpc.ts'

const TRACE = { traceId: 'ab'.repeat(16), source: 'generated' } as const
const DENIED = { code: 'DENIED', message: 'not allowed' }
const INVALID = { code: 'INVALID_INPUT', message: 'not valid' }

it('has the error codes of JSON-RPC', () => {
  expect([INVALID_REQUEST, INTERNAL_ERROR]).toEqual([-32600, -32603])
})

describe('isId', () => {
  it.each(['', 'a', 'x'.repeat(256), 0, -1, Number.MAX_SAFE_INTEGER])('accepts %j', id => {
    expect(isId(id)).toBe(true)
  })

  it.each(['x'.repeat(257), 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, null, undefined, true, {}, [1]])(
    `${verifies('P16')} refuses %j`,
    id => {
      expect(isId(id)).toBe(false)
    },
  )
})

describe('asRecord', () => {
  it('returns an object as it is', () => {
    const value = { a: 1 }
    expect(asRecord(value)).toBe(value)
  })

  it.each([undefined, null, 7, 'text', true, [1]])('returns an empty object for %j', value => {
    expect(asRecord(value)).toEqual({})
  })
})

describe('errorReply', () => {
  it('has the code of the error in its message and in its data', () => {
    expect(errorReply(7, -32602, DENIED, TRACE)).toEqual({
      jsonrpc: '2.0',
      id: 7,
      error: { code: -32602, message: 'DENIED: not allowed', data: { code: 'DENIED', traceId: TRACE.traceId } },
    })
  })

  it('keeps further data, which cannot replace the code or the trace', () => {
    const data = { supported: ['2025-11-25'], code: 'other', traceId: 'other' }
    expect(errorReply(7, -32602, DENIED, TRACE, data)).toMatchObject({
      error: { data: { supported: ['2025-11-25'], code: 'DENIED', traceId: TRACE.traceId } },
    })
    expect(errorReply(7, -32602, DENIED, TRACE, 'text')).toMatchObject({
      error: { data: { code: 'DENIED', traceId: TRACE.traceId } },
    })
  })
})

describe('rejection', () => {
  it.each([
    ['an invalid message without an id as a parse error', INVALID, undefined, -32700],
    ['an invalid request as an invalid request', INVALID, 7, -32600],
    ['any other message without an id as an invalid request', DENIED, undefined, -32600],
  ] as const)('reports %s', (_, error, id, code) => {
    expect(rejection(error, id)).toEqual({
      jsonrpc: '2.0',
      id: id ?? null,
      error: { code, message: `${error.code}: ${error.message}`, data: { code: error.code } },
    })
  })
})

describe('clientOf', () => {
  it('returns the name and the version only', () => {
    expect(clientOf({ name: 'desktop', version: '1.2', title: 'x' })).toEqual({ name: 'desktop', version: '1.2' })
  })

  it.each([
    undefined,
    null,
    'x',
    [],
    {},
    { name: 'x' },
    { version: '1' },
    { name: 7, version: '1' },
    { name: 'x', version: 1 },
  ])('returns undefined for %j', value => {
    expect(clientOf(value)).toBeUndefined()
  })

  it(`${verifies('P11')} truncates both to 80 characters, and removes what could disturb a terminal`, () => {
    expect(clientOf({ name: 'n'.repeat(81), version: 'v'.repeat(81) })).toEqual({
      name: 'n'.repeat(80),
      version: 'v'.repeat(80),
    })
    const hostile = 'a\u001b[31m\u202e\u2028\u2029\u200b\ud800\n\0b'
    expect(clientOf({ name: hostile, version: hostile })).toEqual({ name: 'a[31mb', version: 'a[31mb' })
    // Truncated first, so that removed characters do not cost time without limit.
    expect(clientOf({ name: `${'\u200b'.repeat(80)}x`, version: '1' })).toEqual({ name: '', version: '1' })
  })
})
