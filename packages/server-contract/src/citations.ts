import { codeOf, type Source } from './source-text.ts'

/** One test's word that it proves a promise. */
export interface Citation {
  readonly path: string
  /** Undefined where it is computed, so that no reader can find it. */
  readonly id: string | undefined
}

/** The citations in one file; what only stands in a comment or a string is none. */
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

/** What is wrong with a set of citations: promises that nobody proves, and ids that are no promise's. */
export function promisesBroken(citations: readonly Citation[], promises: readonly string[]): string[] {
  return [
    ...promises.filter(id => !citations.some(citation => citation.id === id)).map(id => `${id} is cited by no test`),
    ...citations
      .filter(({ id }) => id === undefined || !promises.includes(id))
      .map(({ path, id }) => `${path} cites ${id ?? 'by a computed id'}`),
  ]
}
