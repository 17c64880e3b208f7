import { describeTools } from '@narrow-deputies/server-contract/copied'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineTool } from './tool.ts'

describeTools(defineTool, ['read', 'reversible', 'irreversible'])

// Types can only be seen to refuse where they are: here.
const base = {
  name: 'doIt',
  title: 'Do it',
  summary: 'Does it.',
  worstCase: 'It is done at the wrong time.',
  scope: 'things:do',
  input: z.strictObject({}),
  output: z.strictObject({}),
  guard: () => undefined,
  handler: async () => ({}),
}

describe('what a tool says of itself', () => {
  it(`${verifies('P12')} cannot be that it is irreversible without a question, nor that it asks about reading`, () => {
    // @ts-expect-error An irreversible tool has to say what it asks.
    defineTool()({ ...base, effect: 'irreversible' })
    // @ts-expect-error A tool has to say what it does.
    defineTool()({ ...base })
    // @ts-expect-error There are three effects.
    defineTool()({ ...base, effect: 'harmless' })
    // @ts-expect-error A question is about what the guard made.
    defineTool()({ ...base, effect: 'irreversible', guard: () => 7, confirm: (subject: string) => subject })
    // @ts-expect-error A handler gives what was published.
    defineTool()({ ...base, effect: 'read', output: z.strictObject({ n: z.int() }) })
    expect(defineTool()({ ...base, effect: 'reversible' }).confirm).toBeUndefined()
  })
})
