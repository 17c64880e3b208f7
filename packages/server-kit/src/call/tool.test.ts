import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { BARE_DEFINITION } from '../../test/call/tool-definition.ts'
import { type CallContext, defineTool, describeTool, type Tool } from './tool.ts'

/** A field that the audit log writes in clear. */
const CLEAR = z.string().max(20).meta({ audit: 'clear' })

type Fields = { input?: z.ZodObject; output?: z.ZodObject }

function define(fields: Fields = {}): Tool<unknown> {
  const handler = async () => ({}) as never
  return defineTool()({ ...BARE_DEFINITION, effect: 'read', handler, ...fields })
}

describe('what a tool publishes about itself', () => {
  it.each(['read', 'reversible', 'irreversible'] as const)(`${verifies('P1')} follows from its effect: %s`, effect => {
    const tool = describeTool({ ...BARE_DEFINITION, effect }, 'What a model reads.')
    expect(tool.annotations).toEqual({
      readOnlyHint: effect === 'read',
      destructiveHint: effect === 'irreversible',
      idempotentHint: effect === 'read',
      openWorldHint: false,
    })
    expect(tool.description).toBe('What a model reads.')
    expect([tool.effect, tool.audit.effect]).toEqual([effect, effect])
  })

  it(`${verifies('P1')} is that it only reads if it is defined by \`defineTool\``, () => {
    const tool = define()
    expect(tool).toMatchObject({
      name: 'doIt',
      title: 'Do it',
      description: 'Does it.',
      worstCase: 'It is done at the wrong time.',
      scope: 'things:do',
      effect: 'read',
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      audit: { effect: 'read' },
    })
  })

  it('has no audit policies in its schemas, and a format in place of its pattern', () => {
    const fields = z.strictObject({
      name: CLEAR,
      url: z.url().max(99),
      list: z.array(CLEAR).max(3),
      at: z.iso.datetime(),
    })
    const tool = define({ input: fields, output: fields })
    for (const schema of [tool.inputSchema, tool.outputSchema]) {
      expect(JSON.stringify(schema)).not.toMatch(/audit|pattern|\$schema/)
      expect(schema).toMatchObject({
        type: 'object',
        properties: { name: { type: 'string', maxLength: 20 }, url: { format: 'uri' }, at: { format: 'date-time' } },
        required: ['name', 'url', 'list', 'at'],
        additionalProperties: false,
      })
    }
  })

  it('keeps a pattern that has no format', () => {
    const tool = define({ input: z.strictObject({ word: z.string().regex(/^[a-z]+$/) }) })
    expect(tool.inputSchema.properties).toEqual({ word: { type: 'string', pattern: '^[a-z]+$' } })
  })

  it('shows arguments as they are given, and results as they are returned', () => {
    const fields = z.strictObject({ count: z.int().default(1) })
    const tool = define({ input: fields, output: fields })
    expect(tool.inputSchema).not.toHaveProperty('required')
    expect(tool.outputSchema).toMatchObject({ required: ['count'] })
  })

  it(`${verifies('P2')} holds for its arguments and its result: unknown fields are refused`, () => {
    const tool = define({ input: z.strictObject({ a: CLEAR }), output: z.strictObject({ b: CLEAR }) })
    expect(tool.parse({ a: 'x' })).toEqual({ success: true, data: { a: 'x' } })
    expect(tool.parse({ a: 'x', c: 1 }).success).toBe(false)
    expect(tool.parseOutput({ b: 'x' })).toEqual({ b: 'x' })
    expect(() => tool.parseOutput({ b: 'x', c: 1 })).toThrow()
    expect(() => tool.parseOutput({ b: 'x'.repeat(21) })).toThrow()
  })
})

describe('a tool', () => {
  it('passes what its guard returns and its ports on to its handler', async () => {
    const context: CallContext = { signal: new AbortController().signal, callId: '1', callerId: 'ann', traceparent: '' }
    const received: unknown[] = []
    const tool = defineTool<{ port: number }>()({
      ...BARE_DEFINITION,
      effect: 'read',
      input: z.strictObject({ name: z.string() }),
      guard: ({ name }, { port }) => `${name}:${port}`,
      async handler(subject, ports, call) {
        received.push(subject, ports, call)
        return {}
      },
    })
    const subject = tool.guard({ name: 'host' }, { port: 80 })
    expect(subject).toBe('host:80')
    expect(await tool.handler(subject, { port: 81 }, context)).toEqual({})
    expect(received).toEqual(['host:80', { port: 81 }, context])
  })

  it(`${verifies('P1', 'P6')} can only read, and has to say what it does, or it does not compile`, () => {
    // @ts-expect-error A tool that writes is defined by `defineWriteTool`.
    defineTool()({ ...BARE_DEFINITION, effect: 'reversible' })
    // @ts-expect-error A tool that writes is defined by `defineWriteTool`.
    defineTool()({ ...BARE_DEFINITION, effect: 'irreversible' })
    // @ts-expect-error A question does not make it a tool that may write.
    defineTool()({ ...BARE_DEFINITION, effect: 'irreversible', confirm: () => 'Do it?' })
    // @ts-expect-error A tool that reads asks nothing.
    defineTool()({ ...BARE_DEFINITION, effect: 'read', confirm: () => 'Do it?' })
    // @ts-expect-error A tool has to say what it does.
    defineTool()({ ...BARE_DEFINITION })
    // @ts-expect-error There are three effects.
    defineTool()({ ...BARE_DEFINITION, effect: 'harmless' })
    // @ts-expect-error A handler returns what the output schema publishes.
    defineTool()({ ...BARE_DEFINITION, effect: 'read', output: z.strictObject({ n: z.int() }) })
    expect(defineTool()({ ...BARE_DEFINITION, effect: 'read' })).not.toHaveProperty('confirm')
  })
})

describe('the audit policy of a field', () => {
  function policyOf(shape: z.ZodRawShape): Record<string, unknown> {
    return define({ input: z.strictObject(shape) }).audit.args as Record<string, unknown>
  }

  /** Whether the log writes a value as it is. */
  function isClear(policy: unknown, value: unknown): boolean {
    return typeof policy === 'function' && policy(value)
  }

  it(`${verifies('P11')} is a pseudonym unless its schema says otherwise`, () => {
    expect(
      policyOf({
        text: z.string(),
        number: z.int(),
        flag: z.boolean(),
        choice: z.enum(['a', 'b']),
        either: z.union([z.string(), z.int()]),
        table: z.record(z.string(), z.string()),
        pair: z.tuple([z.string(), z.int()]),
        said: z.string().meta({ audit: 'pseudonym' }),
        gone: z.string().meta({ audit: 'drop' }),
        other: z.string().meta({ title: 'no policy' }),
      }),
    ).toEqual({
      text: 'pseudonym',
      number: 'pseudonym',
      flag: 'pseudonym',
      choice: 'pseudonym',
      either: 'pseudonym',
      table: 'pseudonym',
      pair: 'pseudonym',
      said: 'pseudonym',
      gone: 'drop',
      other: 'pseudonym',
    })
  })

  it(`${verifies('P11')} is found in lists, in nested objects, and in optional and nullable fields`, () => {
    const policy = policyOf({
      list: z.array(z.strictObject({ kept: CLEAR, text: z.string() })),
      within: z.strictObject({ deep: z.strictObject({ kept: CLEAR, text: z.string() }) }),
      maybe: CLEAR.optional(),
      none: CLEAR.nullable(),
      both: z.string().nullable().optional(),
    })
    expect(policy).toMatchObject({
      list: [{ kept: expect.any(Function), text: 'pseudonym' }],
      within: { deep: { kept: expect.any(Function), text: 'pseudonym' } },
      both: 'pseudonym',
    })
    expect(isClear(policy.maybe, 'x')).toBe(true)
    expect(isClear(policy.none, 'x')).toBe(true)
  })

  it(`${verifies('P11')} writes an argument in clear only if its schema allows the value`, () => {
    const { kept, name } = policyOf({
      kept: CLEAR,
      name: z
        .string()
        .max(9)
        .refine(text => /^[a-z]+$/.test(text))
        .meta({ audit: 'clear' }),
    })
    expect(isClear(kept, 'x'.repeat(20))).toBe(true)
    for (const value of ['x'.repeat(21), 7, null, undefined, ['x'], { a: 1 }]) expect(isClear(kept, value)).toBe(false)
    expect(isClear(name, 'abc')).toBe(true)
    for (const value of ['secret 123', 'abcdefghij', '']) expect(isClear(name, value)).toBe(false)
  })

  it(`${verifies('P11')} uses the schema of the field itself, not the one that it was derived from`, () => {
    const { shorter, given } = policyOf({ shorter: CLEAR.max(3), given: CLEAR.default('x') })
    expect(isClear(shorter, 'abc')).toBe(true)
    expect(isClear(shorter, 'abcd')).toBe(false)
    // A wrapper that is not looked into becomes a pseudonym: the safe way to be wrong.
    expect(given).toBe('pseudonym')
  })

  it(`${verifies('P11')} writes a result in clear without another check, because the whole result was checked`, () => {
    const { audit } = define({
      output: z.strictObject({ kept: CLEAR, list: z.array(CLEAR), maybe: CLEAR.optional(), text: z.string() }),
    })
    expect(audit.result).toEqual({ kept: 'clear', list: ['clear'], maybe: 'clear', text: 'pseudonym' })
  })
})
