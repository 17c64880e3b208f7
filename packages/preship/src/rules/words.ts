/** The part of a text that is examined. A longer text is not a useful description, and patterns take time. */
const MAX_TEXT = 20_000

/**
 * Splits a name into lower-case words: `executeSQLQuery`, `execute_sql_query` and `execute-sql-query` give the same
 * result.
 */
export function wordsOf(name: string): string[] {
  return name
    .slice(0, 200)
    .replace(/(\p{Lower}|\d)(\p{Upper})/gu, '$1 $2')
    .replace(/(\p{Upper})(\p{Upper}\p{Lower})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(word => word !== '')
}

/** `queries` → `query`, `paths` → `path`, `status` → `status`. */
export function singular(word: string): string {
  if (word.length <= 3) return word === 'ids' ? 'id' : word
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`
  if (/(?:ss|us|is)$/.test(word)) return word
  if (/(?:ches|shes|xes|sses)$/.test(word)) return word.slice(0, -2)
  return word.endsWith('s') ? word.slice(0, -1) : word
}

/** The singular words of a field name, and the last one as its head: `sqlDialect` is about a dialect, not about SQL. */
export function namedBy(name: string): { readonly words: readonly string[]; readonly head: string } {
  const words = wordsOf(name).map(singular)
  return { words, head: words.at(-1) ?? '' }
}

/** Joins descriptions for matching: bounded, in lower case. */
export function proseOf(...texts: readonly unknown[]): string {
  return texts
    .filter(text => typeof text === 'string')
    .map(text => text.slice(0, MAX_TEXT))
    .join('\n')
    .toLowerCase()
}
