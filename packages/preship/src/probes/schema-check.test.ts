import { describe, expect, it } from 'vitest'
import { textLike } from './pattern-sample.ts'
import { argumentsFor } from './samples.ts'
import { matches, violationOf } from './schema-check.ts'

const tool = (inputSchema: Record<string, unknown>) => ({
  name: 'tool',
  title: undefined,
  description: '',
  inputSchema,
  outputSchema: undefined,
  annotations: {},
})

describe('a JSON Schema', () => {
  it.each([
    [{ type: 'string' }, 7],
    [{ type: ['string', 'null'] }, 7],
    [{ type: 'integer' }, 1.5],
    [{ type: 'string', maxLength: 2 }, '🎈🎈🎈'],
    [{ type: 'string', format: 'email' }, 'nobody'],
    [{ enum: ['a'] }, 'b'],
    [{ const: { a: 1 } }, { a: 2 }],
    [{ type: 'number', exclusiveMaximum: 3 }, 3],
    [{ type: 'array', items: { type: 'string' } }, ['a', 1]],
    [{ type: 'object', required: ['a'] }, {}],
    [{ type: 'object', properties: { a: {} }, additionalProperties: false }, { b: 1 }],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 7],
    [{ allOf: [{ minLength: 2 }] }, 'a'],
    [{ $defs: { a: { type: 'string' } }, properties: { a: { $ref: '#/$defs/a' } } }, { a: 1 }],
  ])('%j is violated by %j', (schema, value) => {
    expect(violationOf(value, schema)).toBeTypeOf('string')
  })

  it.each([
    [{ type: 'string', maxLength: 3 }, '🎈🎈🎈'],
    [{ type: 'object', properties: { a: {} } }, { b: 1 }],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, null],
    [{ pattern: '^(' }, 'an invalid pattern counts as satisfied'],
    [{ notAKeyword: true }, 7],
    [true, 7],
  ])('%j is not violated by %j', (schema, value) => {
    expect(violationOf(value, schema)).toBeUndefined()
  })

  it('of a hostile server is checked quickly', () => {
    const self = { $ref: '#/$defs/a' }
    const properties = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`p${n}`, self]))
    const schema = { $defs: { a: { type: 'object', properties, allOf: [self, self] } }, ...self }
    const before = performance.now()
    violationOf({}, schema)
    argumentsFor(tool(schema), new Map(), 'all')
    expect(matches('^(a+)+$', `${'a'.repeat(60)}!`)).toBeUndefined()
    expect(performance.now() - before).toBeLessThan(2_000)
  })
})

describe('valid arguments for a schema', () => {
  it.each([
    '^note-[0-9]+$',
    '^[A-Za-z0-9][A-Za-z0-9_-]*$',
    '^(?:cus|ord)_[a-z0-9]{12}$',
    '^\\d{4}-\\d{2}(?:-\\d{2})?$',
    '^\\p{Lu}{2}[^x]$',
    '^(?!con)[a-z]{4,}$',
  ])('are found for %s', pattern => {
    expect(matches(pattern, textLike(pattern) ?? '')).toBe(true)
  })

  it('use all constraints of the schema, and values from earlier results', () => {
    const schema = {
      type: 'object',
      properties: {
        email: { type: 'string', format: 'email', maxLength: 254 },
        count: { type: 'integer', minimum: 3 },
        kind: { enum: ['a', 'b'] },
        tags: { type: 'array', minItems: 2, items: { type: 'string', minLength: 3 } },
        when: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
        noteId: { type: 'string', maxLength: 40 },
      },
      required: ['email', 'noteId'],
      additionalProperties: false,
    }
    const known = new Map([['noteid', ['note-7']]])
    expect(argumentsFor(tool(schema), known, 'all')).toEqual({
      email: 'preship@example.com',
      count: 3,
      kind: 'a',
      tags: ['anan', 'anan'],
      when: '2026-01-31',
      noteId: 'note-7',
    })
    expect(Object.keys(argumentsFor(tool(schema), known, 'required') ?? {})).toEqual(['email', 'noteId'])
  })
})

describe('a pattern that times out', () => {
  const timesOut = (...cpuMs: number[]) => {
    const tries = [...cpuMs]
    return () => {
      const ms = tries.shift()
      return ms === undefined ? ({ end: true, cpuMs: 0 } as const) : ({ end: 'time', cpuMs: ms } as const)
    }
  }

  it('is given up if it used the CPU time itself, and is tried again if other processes did', () => {
    expect(matches('^busy$', 'busy', timesOut(1, 2, 1))).toBe(true)
    expect(matches('^busy$', 'busy')).toBe(true)
    expect(matches('^slow$', 'slow', timesOut(50))).toBeUndefined()
    expect(matches('^slow$', 'slow')).toBeUndefined()
    expect(matches('^starved$', 'starved', timesOut(...Array(50).fill(1)))).toBeUndefined()
  })
})
