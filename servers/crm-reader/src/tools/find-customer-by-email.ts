import * as z from 'zod'
import { defineTool } from '#call'
import type { CrmBackend } from '../ports.ts'
import { Customer, Email } from '../vocabulary.ts'

export const findCustomerByEmail = defineTool<CrmBackend>()({
  name: 'findCustomerByEmail',
  title: 'Find a customer by e-mail',
  summary: 'Looks up the one customer with exactly this e-mail address.',
  worstCase:
    'The allowed fields of a customer whose whole address is known are read, or that the address is a customer’s, by somebody who talks to the model.',
  effect: 'read',
  scope: 'crm:read',
  input: z.strictObject({ email: Email }),
  output: Customer,
  guard: ({ email }) => email,
  handler: (email, crm, call) => crm.findByEmail(email, call),
})
