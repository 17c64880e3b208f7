/** An answer other than success that the API gives on purpose; every other thrown error becomes a bare 500. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  /** @param status HTTP status; @param code stable word for programs; @param message one sentence for people. */
  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.code = code
  }
}

export const invalid = (message: string) => new Refusal(400, 'invalid', message)
export const notFound = (what: string) => new Refusal(404, 'not_found', `no such ${what}`)
export const conflict = (message: string) => new Refusal(409, 'conflict', message)
