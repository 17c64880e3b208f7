/** An error response that the API sends on purpose. Any other thrown error becomes a 500 without details. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  /** @param status HTTP status @param code stable, for programs @param message for people */
  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.code = code
  }
}

export const invalid = (message: string) => new Refusal(400, 'invalid', message)
export const notFound = (what: string) => new Refusal(404, 'not_found', `${what} not found`)
export const conflict = (message: string) => new Refusal(409, 'conflict', message)
