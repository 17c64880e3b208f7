/** The promises of SECURITY.md. A test that proves one names it: `it(`${verifies('P3')} refuses a symlink`, …)`. */
export const PROMISES = [
  'P1',
  'P2',
  'P3',
  'P4',
  'P5',
  'P6',
  'P7',
  'P8',
  'P9',
  'P10',
  'P11',
  'P12',
  'P13',
  'P14',
  'P15',
  'P16',
  'P17',
] as const

export type PromiseId = (typeof PROMISES)[number]

declare global {
  /** The label of the promises that a test proves, for its title. Throws on an id that is not a promise. */
  function verifies(...ids: PromiseId[]): string
}

globalThis.verifies = (...ids) => {
  for (const id of ids) if (!PROMISES.includes(id)) throw new Error(`no such promise: ${id}`)
  return `[${ids.join(' ')}]`
}
