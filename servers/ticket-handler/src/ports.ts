import type { CallContext } from '#call'
import type { CustomerEmail, Priority, Status, TicketId, TicketReceipt, TicketView } from './vocabulary.ts'

export interface NewTicket {
  readonly subject: string
  readonly description: string
  readonly priority: Priority
  readonly customerEmail?: CustomerEmail | undefined
}

export interface TicketChange {
  readonly status?: Status | undefined
  readonly priority?: Priority | undefined
  /** Internal: the customer never sees it. */
  readonly note?: string | undefined
}

/** The few operations that the tools need. Each throws a `CodedError`. */
export interface TicketBackend {
  /** If the same caller repeats the same ticket, returns the first one, for as long as the backend remembers the key. */
  create(ticket: NewTicket, call: CallContext): Promise<TicketReceipt>
  /** Applies the whole change or nothing. */
  update(id: TicketId, change: TicketChange, call: CallContext): Promise<TicketReceipt>
  get(id: TicketId, call: CallContext): Promise<TicketView>
  /** Returns the identity and the scopes of this server’s credential. */
  whoami(call: CallContext): Promise<{ name: string; scopes: string[] }>
}
