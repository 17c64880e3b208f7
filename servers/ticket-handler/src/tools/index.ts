import type { Tool } from '#call'
import type { TicketBackend } from '../ports.ts'
import { createTicket } from './create-ticket.ts'
import { getTicket } from './get-ticket.ts'
import { updateTicket } from './update-ticket.ts'

/** Every tool of this server. */
export const tools: readonly Tool<TicketBackend>[] = [createTicket, updateTicket, getTicket]
