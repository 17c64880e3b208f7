/** Everything that the flipper ever lets `draft.md` legitimately be. */
export const WHOLE: readonly Buffer[] = [
  Buffer.from('# One\n\nA short draft.\n'),
  Buffer.from(`# Two\n\n${'A draft of several pages. '.repeat(800)}\n`),
  Buffer.from(`# Three\n\n${'Another one. '.repeat(5000)}\n`),
]

/** Steps of one cache line, all in one page: each is there whole or not at all. */
const STEP_BYTES = 64
export const GROWING_STEPS: readonly Buffer[] = Array.from({ length: 48 }, (_, index) =>
  Buffer.from(`line ${index}`.padEnd(STEP_BYTES - 1, '.').concat('\n')),
)
