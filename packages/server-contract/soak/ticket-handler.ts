import { entryPoint } from '../src/repository.ts'
import type { ServerSubject, ToolSubject } from '../src/subject.ts'

/** Two of the seeded tickets. */
const ticketId = (n: number): string => (n % 2 ? 'tic_4mz8wk2hqv6s' : 'tic_9xr3tjc7nd5a')

export const createTicket: ToolSubject = {
  name: 'createTicket',
  effect: 'reversible',
  scope: 'tickets:write',
  endpoint: 'POST /tickets',
  fields: {},
  valid: ({ n }) => ({ subject: `Soak ticket ${n}`, description: `Report ${n}.`, priority: 'low' }),
}

export const updateTicket: ToolSubject = {
  name: 'updateTicket',
  effect: 'reversible',
  scope: 'tickets:write',
  endpoint: 'PATCH /tickets/{id}',
  fields: {},
  valid: ({ n }) => ({ ticketId: ticketId(n), note: `Soak note ${n}.` }),
}

export const getTicket: ToolSubject = {
  name: 'getTicket',
  effect: 'read',
  scope: 'tickets:read',
  endpoint: 'GET /tickets/{id}',
  fields: {},
  valid: ({ n }) => ({ ticketId: ticketId(n) }),
}

/** The part of ticket-handler's description that the proofs need. The whole is in `servers/ticket-handler/test`. */
export const ticketHandler: ServerSubject = {
  name: 'ticket-handler',
  entry: entryPoint('ticket-handler'),
  prefix: 'TICKET',
  api: 'tickets',
  endpoints: ['POST /tickets', 'PATCH /tickets/{id}', 'GET /tickets/{id}', 'GET /whoami'],
  scopes: ['tickets:create', 'tickets:update', 'tickets:read'],
  surplusScope: 'tickets:delete',
  confirmationOn: { TICKET_CONFIRM: 'required' },
  confirmationOff: { TICKET_CONFIRM: 'description' },
  tools: [createTicket, updateTicket, getTicket],
}
