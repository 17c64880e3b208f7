// Copied on purpose: a fault here must stay here.
/** The closed set of what can go wrong, as a caller sees it. */
export type ErrorCode =
  | 'INVALID_INPUT'
  | 'NOT_FOUND'
  | 'NOT_A_DRAFT'
  | 'CONFIRMATION_UNAVAILABLE'
  | 'CONFIRMATION_DECLINED'
  | 'CONFIRMATION_INVALID'
  | 'FORBIDDEN'
  | 'BACKEND_REFUSED'
  | 'BACKEND_UNAVAILABLE'
  | 'RATE_LIMITED'
  | 'OUTCOME_UNKNOWN'
  | 'AUDIT_UNAVAILABLE'
  | 'CANCELLED'
  | 'INTERNAL'

/**
 * An error that may be shown: its message is a text of ours that says what to do next. It never holds a stack, an
 * absolute path, a secret, or anything that a backend said.
 */
export class CodedError extends Error {
  override name = 'CodedError'
  readonly code: ErrorCode
  /** Whole seconds, where the backend gave a time. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { retryAfterSeconds?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** What a caller is told of an error that nobody foresaw: that there was one. */
export function asCoded(error: unknown): CodedError {
  return error instanceof CodedError
    ? error
    : new CodedError('INTERNAL', 'The server failed. Its operator finds the cause in its log.', { cause: error })
}
