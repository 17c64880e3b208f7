import { describe, expect, it } from 'vitest'
import { formatTraceparent, traceOf } from './trace.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

describe('traceOf', () => {
  it.each([
    `00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-00`,
    `01-${TRACE}-${SPAN}-ff-and-more`,
    `fe-${TRACE}-${SPAN}-01`,
    `01-${TRACE}-${SPAN}-01-${'x'.repeat(128 - 56)}`,
  ])('accepts %s', traceparent => {
    expect(traceOf(traceparent)).toEqual({ traceId: TRACE, parentId: SPAN, source: 'claimed' })
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 7],
    ['an object', { traceId: TRACE }],
    ['a list', [`00-${TRACE}-${SPAN}-01`]],
    ['an empty string', ''],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a long span', `00-${TRACE}-${SPAN}0-01`],
    ['no flags', `00-${TRACE}-${SPAN}`],
    ['a space before', ` 00-${TRACE}-${SPAN}-01`],
    ['a line break at the end', `00-${TRACE}-${SPAN}-01\n`],
    ['a line break within', `01-${TRACE}-${SPAN}-01-\n`],
    ['too much after the flags', `01-${TRACE}-${SPAN}-01-${'x'.repeat(100)}`],
    ['one character too many', `01-${TRACE}-${SPAN}-01-${'x'.repeat(129 - 56)}`],
    ['a megabyte', `01-${TRACE}-${SPAN}-01-${'x'.repeat(1024 * 1024)}`],
  ])(`${verifies('P11')} starts a new trace for %s`, (_, traceparent) => {
    const trace = traceOf(traceparent)
    expect(trace).toEqual({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/), source: 'generated' })
    expect(trace.traceId).not.toBe(TRACE)
    expect(traceOf(traceparent).traceId).not.toBe(trace.traceId)
  })
})

describe('formatTraceparent', () => {
  it('continues a trace with a new span', () => {
    for (const trace of [traceOf(`00-${TRACE}-${SPAN}-01`), traceOf(undefined)]) {
      const next = formatTraceparent(trace)
      expect(traceOf(next)).toMatchObject({ traceId: trace.traceId, source: 'claimed' })
      expect(next).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
      expect(next).not.toContain(SPAN)
      expect(formatTraceparent(trace)).not.toBe(next)
    }
  })
})
