import { PROMISED } from './promises.ts'

export type PromiseId = keyof typeof PROMISED

/** The ids of the promises of SECURITY.md. */
export const PROMISES = Object.keys(PROMISED) as readonly PromiseId[]

declare global {
  /** Returns a label for test titles that names the promises that the test verifies. Throws if an id is unknown. */
  function verifies(...ids: PromiseId[]): string
}

globalThis.verifies = (...ids) => {
  for (const id of ids) if (!PROMISES.includes(id)) throw new Error(`unknown promise: ${id}`)
  return `[${ids.join(' ')}]`
}
