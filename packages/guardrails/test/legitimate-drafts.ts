/** The complete legitimate contents that the flipper gives `draft.md`. */
export const WHOLE: readonly Buffer[] = [
  Buffer.from('# One\n\nA short draft.\n'),
  Buffer.from(`# Two\n\n${'A draft of several pages. '.repeat(800)}\n`),
  Buffer.from(`# Three\n\n${'Another one. '.repeat(5000)}\n`),
]

/** Each step is one cache line, and all are in one page, so a reader sees a step whole or not at all. */
const STEP_BYTES = 64
export const GROWING_STEPS: readonly Buffer[] = Array.from({ length: 48 }, (_, index) =>
  Buffer.from(`line ${index}`.padEnd(STEP_BYTES - 1, '.').concat('\n')),
)
