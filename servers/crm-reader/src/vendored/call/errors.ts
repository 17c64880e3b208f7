/** Every code that a caller can be given. The set is closed: clients and audit queries rely on it. */
export const ERROR_CODES = [
  'INVALID_INPUT',
  'NOT_FOUND',
  'NOT_A_DRAFT',
  'CONFIRMATION_UNAVAILABLE',
  'CONFIRMATION_DECLINED',
  'CONFIRMATION_INVALID',
  'FORBIDDEN',
  'BACKEND_REFUSED',
  'BACKEND_UNAVAILABLE',
  'RATE_LIMITED',
  'OUTCOME_UNKNOWN',
  'AUDIT_UNAVAILABLE',
  'CANCELLED',
  'INTERNAL',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/**
 * An error that a caller may see. Its message is our own text and says what to do next. It never holds a stack, an
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

/** Turns an unexpected error into `INTERNAL`: the caller learns that the server failed, and not why. */
export function asCoded(error: unknown): CodedError {
  return error instanceof CodedError
    ? error
    : new CodedError('INTERNAL', 'The server failed. Its operator finds the cause in its log.', { cause: error })
}
