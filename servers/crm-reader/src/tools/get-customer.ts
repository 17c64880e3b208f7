import * as z from 'zod'
import { defineTool } from '#call'
import type { CrmBackend } from '../ports.ts'
import { Customer, CustomerId } from '../vocabulary.ts'

export const getCustomer = defineTool<CrmBackend>()({
  name: 'getCustomer',
  title: 'Read a customer',
  summary: 'Reads one customer by id.',
  worstCase: 'The allowed fields of one customer, whose id must be known, are read by somebody who talks to the model.',
  effect: 'read',
  scope: 'crm:read',
  input: z.strictObject({ customerId: CustomerId }),
  output: Customer,
  guard: ({ customerId }) => customerId,
  handler: (customerId, crm, call) => crm.get(customerId, call),
})
