import type { Customer, CustomerId, CustomerMatch, Email } from './vocabulary.ts'

/** What a request to the backend takes over from the call that it is made for. */
export interface BackendCall {
  /** Aborts if the call is cancelled; a deadline is the adapter's to add. */
  readonly signal: AbortSignal
  /** Names this call to the backend. */
  readonly callId: string
  readonly callerId: string
  readonly traceparent: string
}

/** The few operations that the tools need, none of which changes anything. Each throws a `CodedError`. */
export interface CrmBackend {
  /** The whole address must match. */
  findByEmail(email: Email, call: BackendCall): Promise<Customer>
  /** At most ten; `more` if there are others. */
  search(name: string, call: BackendCall): Promise<{ customers: CustomerMatch[]; more: boolean }>
  get(id: CustomerId, call: BackendCall): Promise<Customer>
  /** Who the backend takes this server for, and what that one may do. */
  whoami(call: BackendCall): Promise<{ name: string; scopes: string[] }>
}
