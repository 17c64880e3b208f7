import * as z from 'zod'
import { defineTool, isPlain } from '#call'
import type { CrmBackend } from '../ports.ts'
import { CustomerMatch } from '../vocabulary.ts'

export const searchCustomers = defineTool<CrmBackend>()({
  name: 'searchCustomers',
  title: 'Search customers by name',
  summary: 'Finds customers whose name holds this text; at most 10.',
  worstCase:
    'By asking again and again, the names, companies and ids of customers are read ten at a time, as fast as the backend’s rate limit allows.',
  effect: 'read',
  scope: 'crm:read',
  input: z.strictObject({
    name: z
      .string()
      .min(2)
      .max(80)
      .refine(text => text.trim().length >= 2, 'needs two characters that are not spaces')
      .refine(text => isPlain(text) && !/[\n\t]/.test(text), 'holds control, bidirectional or invisible characters'),
  }),
  output: z.strictObject({ customers: z.array(CustomerMatch).max(10), more: z.boolean().meta({ audit: 'clear' }) }),
  guard: ({ name }) => name.trim(),
  handler: (name, crm, call) => crm.search(name, call),
})
