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

/** What a request to the backend takes over from the call that it is made for. */
export interface BackendCall {
  /** Aborts if the call is cancelled; a deadline is the adapter's to add. */
  readonly signal: AbortSignal
  /** Names this call to the backend. */
  readonly callId: string
  /** Names the caller, so that one caller's repeated request is recognised. */
  readonly callerId: string
  readonly traceparent: string
}

/** The few operations that the tools need. Each throws a `CodedError`. */
export interface TicketBackend {
  /** The same caller who asks for the same ticket again gets the one that is there, for as long as the backend remembers. */
  create(ticket: NewTicket, call: BackendCall): Promise<TicketReceipt>
  /** All of it or nothing. */
  update(id: TicketId, change: TicketChange, call: BackendCall): Promise<TicketReceipt>
  get(id: TicketId, call: BackendCall): Promise<TicketView>
  /** Who the backend takes this server for, and what that one may do. */
  whoami(call: BackendCall): Promise<{ name: string; scopes: string[] }>
}
