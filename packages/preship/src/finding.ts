/** The eight questions. */
export const ITEMS = {
  1: 'narrow tools',
  2: 'handlers enforce what schemas imply',
  3: 'an authenticated backend rather than a database',
  4: 'least-scope credentials',
  5: 'every call on record',
  6: 'destructive tools labelled',
  7: 'one bounded concern',
  8: 'OAuth 2.1 and PKCE where it is remote',
} as const

export type Item = keyof typeof ITEMS

/** `error`: the question is answered with no. `warning`: a person should look. `note`: worth knowing. */
export type Severity = 'error' | 'warning' | 'note'

/** What is known of a kind of finding, whichever server it is found at. */
export interface Kind {
  readonly item: Item
  readonly severity: Severity
  /** A few words. */
  readonly title: string
  /** Why it matters: what somebody could make of it. */
  readonly why: string
  /** What to do instead. */
  readonly narrow: string
}

/** Something that was found at one server. All text of the server's in it is bounded and harmless to show. */
export interface Finding {
  /** Its kind: a key of the catalogue. */
  readonly code: string
  readonly tool?: string
  /** A path into the tool's input: `filter.where`. */
  readonly field?: string
  /** What was seen, in a sentence. */
  readonly message: string
}

/** Something that speaks for a yes. */
export interface Evidence {
  readonly item: Item
  readonly text: string
}

/** What a part of the examination brought to light. */
export interface Result {
  readonly findings: readonly Finding[]
  readonly evidence: readonly Evidence[]
}

export function merge(results: readonly Result[]): Result {
  return {
    findings: results.flatMap(({ findings }) => findings),
    evidence: results.flatMap(({ evidence }) => evidence),
  }
}
