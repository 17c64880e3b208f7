import type { CallContext } from '#call'
import type { Customer, CustomerId, CustomerMatch, Email } from './vocabulary.ts'

/** The few operations that the tools need, none of which changes anything. Each throws a `CodedError`. */
export interface CrmBackend {
  /** Finds the customer whose whole address matches. */
  findByEmail(email: Email, call: CallContext): Promise<Customer>
  /** Returns at most ten matches. `more` tells whether there are others. */
  search(name: string, call: CallContext): Promise<{ customers: CustomerMatch[]; more: boolean }>
  get(id: CustomerId, call: CallContext): Promise<Customer>
  /** Returns the identity and the scopes of this server’s credential. */
  whoami(call: CallContext): Promise<{ name: string; scopes: string[] }>
}
