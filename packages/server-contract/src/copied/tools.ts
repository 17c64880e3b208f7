import type { Effect, ToolPolicy } from '@narrow-deputies/guardrails/audit'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

interface Tool {
  readonly description: string
  readonly annotations: unknown
  readonly audit: ToolPolicy
  readonly inputSchema: unknown
  readonly outputSchema: unknown
  parse(args: unknown): { readonly success: boolean }
  parseOutput(output: unknown): unknown
}

interface Definition {
  readonly name: string
  readonly title: string
  readonly summary: string
  readonly worstCase: string
  readonly scope: string
  readonly effect: Effect
  readonly input: z.ZodObject
  readonly output: z.ZodObject
  guard(): undefined
  confirm?(): string
  handler(): Promise<never>
}

/** A server's own `defineTool`. Which definitions its types admit, its own tests say. */
type DefineTool = () => (definition: never) => Tool

const KEPT = z.string().max(20).meta({ audit: 'clear' })

const READS: Definition = {
  name: 'doIt',
  title: 'Do it',
  summary: 'Does it.',
  worstCase: 'It is done at the wrong time.',
  scope: 'things:do',
  effect: 'read',
  input: z.strictObject({}),
  output: z.strictObject({}),
  guard: () => undefined,
  handler: async () => ({}) as never,
}

/** What every copy of `tool.ts` has to prove. @param effects what its tools can be */
export function describeTools(defineTool: DefineTool, effects: readonly Effect[]): void {
  const define = (change: Partial<Definition>): Tool => defineTool()({ ...READS, ...change } as never)

  describe('what a tool says of itself', () => {
    it.each(effects)(`${verifies('P1')} follows from its effect: %s`, effect => {
      const tool = define({ effect, confirm: () => 'Do it?' })
      expect(tool.annotations).toEqual({
        readOnlyHint: effect === 'read',
        destructiveHint: effect === 'irreversible',
        idempotentHint: effect === 'read',
        openWorldHint: false,
      })
      const warning = 'WARNING: this is a write operation. Confirm with the user before calling, every single time.'
      expect(tool.description).toBe(effect === 'read' ? 'Does it.' : `Does it. ${warning}`)
      expect(tool.audit.effect).toBe(effect)
    })

    it('has nothing in its schemas that is for the audit log alone, and a format in place of its pattern', () => {
      const fields = z.strictObject({
        name: KEPT,
        url: z.url().max(99),
        list: z.array(KEPT).max(3),
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

    it(`${verifies('P2')} holds for its arguments and its result: what is unknown is refused`, () => {
      const tool = define({ input: z.strictObject({ a: KEPT }), output: z.strictObject({ b: KEPT }) })
      expect(tool.parse({ a: 'x' }).success).toBe(true)
      expect(tool.parse({ a: 'x', c: 1 }).success).toBe(false)
      expect(tool.parseOutput({ b: 'x' })).toEqual({ b: 'x' })
      expect(() => tool.parseOutput({ b: 'x', c: 1 })).toThrow()
      expect(() => tool.parseOutput({ b: 'x'.repeat(21) })).toThrow()
    })
  })

  describe('what the audit log keeps of a tool’s fields', () => {
    const policyOf = (shape: z.ZodRawShape): unknown => define({ input: z.strictObject(shape) }).audit.args

    /** Whether a field's value is written as it is. */
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

    it(`${verifies('P11')} is found in lists, in what is within, and in what need not be there`, () => {
      const policy = policyOf({
        list: z.array(z.strictObject({ kept: KEPT, text: z.string() })),
        within: z.strictObject({ deep: z.strictObject({ kept: KEPT, text: z.string() }) }),
        maybe: KEPT.optional(),
        none: KEPT.nullable(),
        both: z.string().nullable().optional(),
      }) as Record<string, never>
      expect(policy).toMatchObject({
        list: [{ kept: expect.any(Function), text: 'pseudonym' }],
        within: { deep: { kept: expect.any(Function), text: 'pseudonym' } },
        both: 'pseudonym',
      })
      expect(isClear(policy.maybe, 'x')).toBe(true)
      expect(isClear(policy.none, 'x')).toBe(true)
    })

    it(`${verifies('P11')} is in clear only if it is what the schema allows: anything could stand in its place`, () => {
      const { kept, name } = policyOf({
        kept: KEPT,
        name: z
          .string()
          .max(9)
          .refine(text => /^[a-z]+$/.test(text))
          .meta({ audit: 'clear' }),
      }) as Record<string, never>
      expect(isClear(kept, 'x'.repeat(20))).toBe(true)
      for (const value of ['x'.repeat(21), 7, null, undefined, ['x'], { a: 1 }])
        expect(isClear(kept, value)).toBe(false)
      expect(isClear(name, 'abc')).toBe(true)
      for (const value of ['secret 123', 'abcdefghij', '']) expect(isClear(name, value)).toBe(false)
    })

    it(`${verifies('P11')} is judged by the schema that stands there, not by the one that it was made of`, () => {
      const { shorter, given } = policyOf({ shorter: KEPT.max(3), given: KEPT.default('x') }) as Record<string, never>
      expect(isClear(shorter, 'abc')).toBe(true)
      expect(isClear(shorter, 'abcd')).toBe(false)
      // What is not looked into is a pseudonym: the safe way to be wrong.
      expect(given).toBe('pseudonym')
    })

    it(`${verifies('P11')} is in clear without a second look where it is a result, which was checked whole`, () => {
      const { audit } = define({
        output: z.strictObject({ kept: KEPT, list: z.array(KEPT), maybe: KEPT.optional(), text: z.string() }),
      })
      expect(audit.result).toEqual({ kept: 'clear', list: ['clear'], maybe: 'clear', text: 'pseudonym' })
    })
  })
}
