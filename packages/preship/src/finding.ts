/** The eight questions that preship answers about a server. */
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

/** `error`: the question is answered with “fail”. `warning`: a person should review it. `note`: for information. */
export type Severity = 'error' | 'warning' | 'note'

/** What all findings with one code have in common. */
export interface Kind {
  readonly item: Item
  readonly severity: Severity
  /** A short title without a full stop. */
  readonly title: string
  /** Why it matters: what an attacker could do with it. */
  readonly why: string
  /** How to fix it. */
  readonly narrow: string
}

/** A finding about one server. Text that came from the server is sanitized and bounded. */
export interface Finding {
  /** A key of the catalogue. */
  readonly code: string
  readonly tool?: string
  /** A path into the tool's input: `filter.where`. */
  readonly field?: string
  /** What was observed. */
  readonly message: string
}

/** Something that supports the answer “pass”. */
export interface Evidence {
  readonly item: Item
  readonly text: string
}

/** The result of one part of the examination. */
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
