import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { BARE_DEFINITION } from '../../test/call/tool-definition.ts'
import { CodedError } from './errors.ts'
import { parseInput } from './input.ts'
import { defineTool } from './tool.ts'

function toolWith(input: z.ZodObject) {
  return defineTool()({ ...BARE_DEFINITION, effect: 'read', input })
}

/** What the caller of a tool with these fields is told. */
function refusalOf(input: z.ZodObject, args: unknown): CodedError {
  try {
    parseInput(toolWith(input), args)
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
  throw new Error('the arguments were accepted')
}

/** A field that refuses everything with a code, as a custom rule of a schema can. */
function refusing(code: unknown) {
  return z.string().refine(() => false, { error: 'no', params: { code } })
}

describe('arguments', () => {
  it('are returned as the schema reads them', () => {
    const tool = toolWith(z.strictObject({ name: z.string().trim(), count: z.int().default(3) }))
    expect(parseInput(tool, { name: ' it ' })).toEqual({ name: 'it', count: 3 })
  })

  it.each([[undefined], [null]])('are none if a call brings %j', args => {
    expect(parseInput(toolWith(z.strictObject({})), args)).toEqual({})
    expect(refusalOf(z.strictObject({ name: z.string() }), args)).toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/^name: /),
    })
  })

  it.each([[[]], ['text'], [7], [false], [0], ['']])(
    `${verifies('P2')} are refused if they are no object: %j`,
    args => {
      expect(refusalOf(z.strictObject({}), args).code).toBe('INVALID_INPUT')
    },
  )
})

describe('the refusal of arguments', () => {
  it('names the argument at fault, and what is wrong with it', () => {
    const input = z.strictObject({ name: z.string().max(3), list: z.array(z.strictObject({ at: z.int() })) })
    const { code, message } = refusalOf(input, { name: 'xxxx', list: [{ at: 1 }, { at: 'x' }] })
    expect(code).toBe('INVALID_INPUT')
    expect(message.split('; ')).toEqual([expect.stringMatching(/^name: .*3/), expect.stringMatching(/^list\.1\.at: /)])
  })

  it('says what is wrong with the arguments as a whole', () => {
    const input = z.strictObject({ a: z.int(), b: z.int() }).refine(({ a, b }) => a < b, 'a is below b')
    expect(refusalOf(input, { a: 2, b: 1 }).message).toBe('a is below b')
  })

  it(`${verifies('P2')} lists the arguments that there are, and repeats nothing that the caller made up`, () => {
    const input = z.strictObject({ name: z.string(), count: z.int().optional() })
    const { code, message } = refusalOf(input, { name: 'it', hunter2: 'hunter2', other: 1 })
    expect(code).toBe('INVALID_INPUT')
    expect(message).toBe('unknown argument; there are: name, count')
    expect(refusalOf(z.strictObject({}), { hunter2: 1 }).message).toBe('this tool takes no arguments')
    const nested = z.strictObject({ within: z.strictObject({ a: z.int() }) })
    expect(refusalOf(nested, { within: { a: 1, hunter2: 1 } }).message).toBe('unknown argument; there are: within')
    const choice = z.strictObject({ choice: z.enum(['a', 'b']), url: z.url(), at: z.iso.datetime() })
    expect(refusalOf(choice, { choice: 'hunter2', url: 'hunter2', at: 'hunter2' }).message).not.toContain('hunter2')
  })

  it('names up to eight faults, and each once', () => {
    const names = Array.from({ length: 12 }, (_, n) => `n${n}`)
    const input = z.strictObject(Object.fromEntries(names.map(name => [name, z.int()])))
    const faults = refusalOf(input, {}).message.split('; ')
    expect(faults.map(fault => fault.split(':')[0])).toEqual(names.slice(0, 8))
    const nested = z.strictObject({ a: z.strictObject({}), b: z.strictObject({}), c: z.int() })
    expect(refusalOf(nested, { a: { x: 1 }, b: { x: 1 }, c: 'x' }).message).toMatch(
      /^unknown argument; there are: a, b, c; c: [^;]+$/,
    )
  })
})

describe('the code of a refusal', () => {
  it('is the one that the schema of the field names', () => {
    expect(refusalOf(z.strictObject({ draft: refusing('NOT_A_DRAFT') }), { draft: 'x' })).toMatchObject({
      code: 'NOT_A_DRAFT',
      message: 'draft: no',
    })
    const two = z.strictObject({ draft: refusing('NOT_A_DRAFT'), other: refusing('NOT_A_DRAFT') })
    expect(refusalOf(two, { draft: 'x', other: 'x' }).code).toBe('NOT_A_DRAFT')
  })

  it('is INVALID_INPUT if the faults do not all name the same one', () => {
    const mixed = z.strictObject({ draft: refusing('NOT_A_DRAFT'), count: z.int() })
    expect(refusalOf(mixed, { draft: 'x', count: 'x' }).code).toBe('INVALID_INPUT')
    expect(refusalOf(mixed, { draft: 'x', count: 1, other: 1 }).code).toBe('INVALID_INPUT')
    const different = z.strictObject({ draft: refusing('NOT_A_DRAFT'), thing: refusing('NOT_FOUND') })
    expect(refusalOf(different, { draft: 'x', thing: 'x' }).code).toBe('INVALID_INPUT')
    const partly = z.strictObject({ draft: refusing('NOT_A_DRAFT'), thing: refusing(undefined) })
    expect(refusalOf(partly, { draft: 'x', thing: 'x' }).code).toBe('INVALID_INPUT')
  })

  it.each([[undefined], ['OOPS'], [7], [null], [['NOT_A_DRAFT']]])(
    'is INVALID_INPUT if a schema names no code of the closed set: %j',
    code => {
      expect(refusalOf(z.strictObject({ draft: refusing(code) }), { draft: 'x' }).code).toBe('INVALID_INPUT')
    },
  )
})
