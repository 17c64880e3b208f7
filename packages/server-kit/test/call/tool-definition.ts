import * as z from 'zod'

/** A tool that does nothing to nothing. Tests add an effect and change what they are about. */
export const BARE_DEFINITION = {
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
