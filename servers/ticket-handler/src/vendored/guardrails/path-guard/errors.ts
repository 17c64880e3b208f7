/** Why a name is not a draft. Closed set: a reason is shown to the caller, an operating system's message never is. */
export type DraftRefusal =
  | 'bad-name'
  | 'missing'
  | 'ambiguous'
  | 'not-a-regular-file'
  | 'hard-linked'
  | 'too-large'
  | 'changed-while-reading'
  | 'unreadable'

const EXPLANATION: Record<DraftRefusal, string> = {
  'bad-name': 'the name is not one that a draft can have',
  missing: 'the drafts folder has no such entry',
  ambiguous: 'two entries of the folder have this name in different Unicode spellings',
  'not-a-regular-file': 'it is not a regular file',
  'hard-linked': 'the file has another name elsewhere (a hard link)',
  'too-large': 'the file is larger than a draft may be',
  'changed-while-reading': 'the file was changed while it was read',
  unreadable: 'the file cannot be read',
}

/**
 * A given name leads to nothing that may be published. `filename` is the name as given, or `undefined` where the name
 * itself is the fault: then it may hold anything, and is not repeated. Never carries a path.
 */
export class NotADraftError extends Error {
  readonly reason: DraftRefusal
  readonly filename: string | undefined

  constructor(reason: DraftRefusal, filename?: string) {
    super(filename === undefined ? EXPLANATION[reason] : `“${filename}”: ${EXPLANATION[reason]}`)
    this.name = 'NotADraftError'
    this.reason = reason
    this.filename = filename
  }
}

/** The drafts folder itself cannot be used. A start-up error for the operator: it may name the path. */
export class DraftsRootError extends Error {
  override name = 'DraftsRootError'
}

/** A value cannot be one segment of a URL's path. Does not repeat the value. */
export class UrlPathError extends Error {
  override name = 'UrlPathError'
}
