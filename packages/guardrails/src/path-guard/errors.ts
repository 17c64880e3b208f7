/** Why a name is not a draft. The caller sees one of these reasons, never a message of the operating system. */
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
  'bad-name': 'this is not a valid name for a draft',
  missing: 'the drafts folder has no such file',
  ambiguous: 'two files in the folder have this name, in different Unicode spellings',
  'not-a-regular-file': 'it is not a regular file',
  'hard-linked': 'the file has another name elsewhere (a hard link)',
  'too-large': 'the file is too large for a draft',
  'changed-while-reading': 'the file was changed while it was read',
  unreadable: 'the file cannot be read',
}

/**
 * The name does not lead to a draft that may be published. `filename` is undefined if the name itself is invalid: it
 * could contain anything, so the error does not repeat it. The error never contains a path.
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

/** The drafts folder cannot be used. This error is for the operator at start-up, so it may contain the path. */
export class DraftsRootError extends Error {
  override name = 'DraftsRootError'
}

/** A value cannot be one segment of a URL path. The error does not contain the value. */
export class UrlPathError extends Error {
  override name = 'UrlPathError'
}
