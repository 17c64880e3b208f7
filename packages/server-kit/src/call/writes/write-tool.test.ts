import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { BARE_DEFINITION } from '../../../test/call/tool-definition.ts'
import { defineTool } from '../tool.ts'
import { defineWriteTool, isWriteTool } from './write-tool.ts'

const WARNING = 'WARNING: this is a write operation. Confirm with the user before calling, every single time.'

describe('what a tool that writes publishes about itself', () => {
  it.each(['reversible', 'irreversible'] as const)(`${verifies('P1')} follows from its effect: %s`, effect => {
    const tool = defineWriteTool()({ ...BARE_DEFINITION, effect, confirm: () => 'Do it?' })
    expect(tool.annotations).toEqual({
      readOnlyHint: false,
      destructiveHint: effect === 'irreversible',
      idempotentHint: false,
      openWorldHint: false,
    })
    expect(tool.description).toBe(`Does it. ${WARNING}`)
    expect([tool.effect, tool.audit.effect]).toEqual([effect, effect])
  })

  it(`${verifies('P2')} is checked as for a tool that reads`, () => {
    const tool = defineWriteTool()({
      ...BARE_DEFINITION,
      effect: 'reversible',
      input: z.strictObject({ a: z.string() }),
      output: z.strictObject({ b: z.string() }),
      handler: async () => ({ b: 'x' }),
    })
    expect(tool.inputSchema).toMatchObject({ required: ['a'], additionalProperties: false })
    expect(tool.parse({ a: 'x', c: 1 }).success).toBe(false)
    expect(() => tool.parseOutput({ b: 'x', c: 1 })).toThrow()
    expect(tool.audit).toMatchObject({ args: { a: 'pseudonym' }, result: { b: 'pseudonym' } })
  })
})

describe('the question of a tool that writes', () => {
  it(`${verifies('P12')} is about what the guard returned`, () => {
    const tool = defineWriteTool()({
      ...BARE_DEFINITION,
      effect: 'irreversible',
      guard: () => ({ title: 'A', hash: 'h1' }),
      confirm: ({ title }) => `Publish ${title}?`,
      digest: ({ hash }) => hash,
    })
    const subject = tool.guard({}, undefined)
    expect(tool.confirm?.(subject)).toBe('Publish A?')
    expect(tool.digest(subject)).toBe('h1')
  })

  it('stands for the arguments alone unless the tool says more', () => {
    const tool = defineWriteTool()({ ...BARE_DEFINITION, effect: 'irreversible', confirm: () => 'Do it?' })
    expect(tool.digest(undefined)).toBe('')
  })

  it(`${verifies('P12')} is required of an irreversible tool, or the tool does not compile`, () => {
    // @ts-expect-error An irreversible tool has to say what it asks.
    defineWriteTool()({ ...BARE_DEFINITION, effect: 'irreversible' })
    // @ts-expect-error A tool has to say what it does.
    defineWriteTool()({ ...BARE_DEFINITION })
    // @ts-expect-error There are three effects.
    defineWriteTool()({ ...BARE_DEFINITION, effect: 'harmless' })
    // @ts-expect-error A tool that reads is defined by `defineTool`.
    defineWriteTool()({ ...BARE_DEFINITION, effect: 'read' })
    // @ts-expect-error A tool that reads asks nothing.
    defineWriteTool()({ ...BARE_DEFINITION, effect: 'read', confirm: () => 'Do it?' })
    // @ts-expect-error A question is about what the guard returned.
    defineWriteTool()({ ...BARE_DEFINITION, effect: 'irreversible', guard: () => 7, confirm: (is: string) => is })
    // @ts-expect-error A handler returns what the output schema publishes.
    defineWriteTool()({ ...BARE_DEFINITION, effect: 'reversible', output: z.strictObject({ n: z.int() }) })
    expect(defineWriteTool()({ ...BARE_DEFINITION, effect: 'reversible' }).confirm).toBeUndefined()
  })
})

describe('isWriteTool', () => {
  it('is true of a tool that `defineWriteTool` made, whether or not it asks, and of no other', () => {
    const ask = { ...BARE_DEFINITION, effect: 'irreversible', confirm: () => 'Do it?' } as const
    expect(isWriteTool(defineWriteTool()(ask))).toBe(true)
    expect(isWriteTool(defineWriteTool()({ ...BARE_DEFINITION, effect: 'reversible' }))).toBe(true)
    expect(isWriteTool(defineTool()({ ...BARE_DEFINITION, effect: 'read' }))).toBe(false)
  })
})
