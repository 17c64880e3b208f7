import type { CallContext } from '#call'
import type { Customer, CustomerId, CustomerMatch, Email } from './vocabulary.ts'

/** The few operations that the tools need, none of which changes anything. Each throws a `CodedError`. */
export interface CrmBackend {
  /** The whole address must match. */
  findByEmail(email: Email, call: CallContext): Promise<Customer>
  /** At most ten; `more` if there are others. */
  search(name: string, call: CallContext): Promise<{ customers: CustomerMatch[]; more: boolean }>
  get(id: CustomerId, call: CallContext): Promise<Customer>
  /** Who the backend takes this server for, and what that one may do. */
  whoami(call: CallContext): Promise<{ name: string; scopes: string[] }>
}
