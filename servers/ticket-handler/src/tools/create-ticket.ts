import * as z from 'zod'
import { plainText } from '#call'
import { defineWriteTool } from '#call/writes'
import type { TicketBackend } from '../ports.ts'
import { CustomerEmail, Priority, TicketReceipt } from '../vocabulary.ts'

export const createTicket = defineWriteTool<TicketBackend>()({
  name: 'createTicket',
  title: 'Create a ticket',
  summary: 'Opens a support ticket.',
  worstCase: 'A misleading ticket stands in the queue under this server’s name. Undo: close it in the ticket system.',
  effect: 'reversible',
  scope: 'tickets:write',
  input: z.strictObject({
    subject: plainText(200),
    description: plainText(4000),
    priority: Priority,
    customerEmail: CustomerEmail.optional(),
  }),
  output: TicketReceipt,
  guard: ticket => ticket,
  confirm: ({ subject, description, priority, customerEmail }) =>
    `Open a ticket with ${priority} priority${customerEmail ? ` for ${customerEmail}` : ''}?\n\n${subject}\n\n${description}`,
  handler: (ticket, tickets, call) => tickets.create(ticket, call),
})
