import { PROMISED } from './promises.ts'

export type PromiseId = keyof typeof PROMISED

/** The ids of the promises of SECURITY.md. */
export const PROMISES = Object.keys(PROMISED) as readonly PromiseId[]

declare global {
  /** The label of the promises that a test proves, for its title. Throws on an id that is not a promise. */
  function verifies(...ids: PromiseId[]): string
}

globalThis.verifies = (...ids) => {
  for (const id of ids) if (!PROMISES.includes(id)) throw new Error(`no such promise: ${id}`)
  return `[${ids.join(' ')}]`
}
