import type { CrmBackend } from '../backend.ts'
import type { Tool } from '../tool.ts'
import { findCustomerByEmail } from './find-customer-by-email.ts'
import { getCustomer } from './get-customer.ts'
import { searchCustomers } from './search-customers.ts'

/** Everything that a caller of this server can do. */
export const tools: readonly Tool<CrmBackend>[] = [findCustomerByEmail, searchCustomers, getCustomer]
