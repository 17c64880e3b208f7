import type { Visit } from './visit.ts'
import type { Session } from './wire/session.ts'

/** The connection that probes share; it is made anew when one of them broke it. */
export class SharedConnection {
  readonly #visit: Visit
  #session: Session
  #asked = 0

  constructor(visit: Visit, session: Session) {
    this.#visit = visit
    this.#session = session
    this.#decline()
  }

  get session(): Session {
    return this.#session
  }

  /** How often the server asked its person something. */
  get asked(): number {
    return this.#asked
  }

  /** @throws {WireError} */
  async renew(): Promise<void> {
    await this.#session.wire.close()
    this.#session = await this.#visit.open()
    this.#decline()
  }

  /** Nobody is there to say yes. */
  #decline(): void {
    this.#session.wire.onAsked = ({ method }) => {
      if (method !== 'elicitation/create') return undefined
      this.#asked += 1
      return { action: 'decline' }
    }
  }
}
