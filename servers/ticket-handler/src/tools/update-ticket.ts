import * as z from 'zod'
import { CodedError, plainText } from '#call'
import { defineWriteTool } from '#call/writes'
import type { TicketBackend } from '../ports.ts'
import { Priority, Status, TicketId, TicketReceipt } from '../vocabulary.ts'

export const updateTicket = defineWriteTool<TicketBackend>()({
  name: 'updateTicket',
  title: 'Update a ticket',
  summary: 'Sets a ticket’s status or priority, or adds an internal note (never a public reply).',
  worstCase:
    'A ticket gets a wrong status or priority, or a misleading internal note; no customer sees it. Undo: set it back in the ticket system.',
  effect: 'reversible',
  scope: 'tickets:write',
  input: z.strictObject({
    ticketId: TicketId,
    status: Status.optional(),
    priority: Priority.optional(),
    note: plainText(1000).optional(),
  }),
  output: TicketReceipt,
  guard({ ticketId, ...change }) {
    if (Object.values(change).every(value => value === undefined))
      throw new CodedError('INVALID_INPUT', 'give at least one of: status, priority, note')
    return { ticketId, change }
  },
  confirm: ({ ticketId, change: { status, priority, note } }) =>
    [
      `Change ticket ${ticketId}?`,
      status && `Status: ${status}`,
      priority && `Priority: ${priority}`,
      note && `Internal note: ${note}`,
    ]
      .filter(Boolean)
      .join('\n'),
  handler: ({ ticketId, change }, tickets, call) => tickets.update(ticketId, change, call),
})
