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
  /** The same caller who asks for the same ticket again gets the one that is there, for as long as the backend remembers. */
  create(ticket: NewTicket, call: CallContext): Promise<TicketReceipt>
  /** All of it or nothing. */
  update(id: TicketId, change: TicketChange, call: CallContext): Promise<TicketReceipt>
  get(id: TicketId, call: CallContext): Promise<TicketView>
  /** Who the backend takes this server for, and what that one may do. */
  whoami(call: CallContext): Promise<{ name: string; scopes: string[] }>
}
