import * as z from 'zod'
import { defineTool } from '#call'
import type { TicketBackend } from '../ports.ts'
import { TicketId, TicketView } from '../vocabulary.ts'

export const getTicket = defineTool<TicketBackend>()({
  name: 'getTicket',
  title: 'Read a ticket',
  summary: 'Reads one ticket by its id.',
  worstCase: 'The text of one ticket, whose id must be known, is read by somebody who talks to the model.',
  effect: 'read',
  scope: 'tickets:read',
  input: z.strictObject({ ticketId: TicketId }),
  output: TicketView,
  guard: ({ ticketId }) => ticketId,
  handler: (ticketId, tickets, call) => tickets.get(ticketId, call),
})
