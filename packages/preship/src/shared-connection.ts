import type { Connections } from './connections.ts'
import type { Session } from './wire/session.ts'

/** The connection that probes share. It is reopened when a probe breaks it. */
export class SharedConnection {
  readonly #connections: Connections
  #session: Session
  #elicitations = 0

  constructor(connections: Connections, session: Session) {
    this.#connections = connections
    this.#session = session
    this.#declineElicitations()
  }

  get session(): Session {
    return this.#session
  }

  /** The number of elicitation requests so far. */
  get elicitations(): number {
    return this.#elicitations
  }

  /** @throws {WireError} */
  async renew(): Promise<void> {
    await this.#session.wire.close()
    this.#session = await this.#connections.open()
    this.#declineElicitations()
  }

  /** There is no user during an examination, so every elicitation is declined. */
  #declineElicitations(): void {
    this.#session.wire.onAsked = ({ method }) => {
      if (method !== 'elicitation/create') return undefined
      this.#elicitations += 1
      return { action: 'decline' }
    }
  }
}
