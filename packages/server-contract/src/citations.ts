import { codeOf, type Source } from './source-text.ts'

/** A `verifies('P1')` in a test title. */
export interface Citation {
  readonly path: string
  /** The promise id; undefined if it is computed, because a search for it would not find the test. */
  readonly id: string | undefined
}

/** The citations in one file, without those in comments and strings. */
export function citationsOf({ path, text }: Source): Citation[] {
  return [...codeOf(text, { strings: 'blanked' }).matchAll(/(?<![\w.$])verifies\s*\(([^)]*)\)/dg)].flatMap(
    ({ indices }): Citation[] => {
      const args = text.slice(...(indices?.[1] ?? [0, 0]))
      const ids = args.split(',').filter(argument => argument.trim() !== '')
      if (ids.length === 0) return [{ path, id: undefined }]
      return ids.map(argument => ({ path, id: /^\s*'([^']*)'\s*$/.exec(argument)?.[1] }))
    },
  )
}

/** Returns a line for each promise that no test cites, and for each citation that is computed or unknown. */
export function promisesBroken(citations: readonly Citation[], promises: readonly string[]): string[] {
  return [
    ...promises.filter(id => !citations.some(citation => citation.id === id)).map(id => `${id} is cited by no test`),
    ...citations
      .filter(({ id }) => id === undefined || !promises.includes(id))
      .map(({ path, id }) => `${path} cites ${id ?? 'a computed id'}`),
  ]
}
