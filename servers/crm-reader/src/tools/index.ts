import type { ReadTool } from '#call'
import type { CrmBackend } from '../ports.ts'
import { findCustomerByEmail } from './find-customer-by-email.ts'
import { getCustomer } from './get-customer.ts'
import { searchCustomers } from './search-customers.ts'

/** Every tool of this server. */
export const tools: readonly ReadTool<CrmBackend>[] = [findCustomerByEmail, searchCustomers, getCustomer]
