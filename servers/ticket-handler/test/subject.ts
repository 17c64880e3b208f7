import { fileURLToPath } from 'node:url'
import type { ServerSubject } from '@narrow-deputies/server-contract'

const ID = { kind: 'id', max: 64 } as const
const PRIORITY = { kind: 'choice' } as const

/** Two of the seeded tickets. */
const ticketId = (n: number): string => (n % 2 ? 'tic_4mz8wk2hqv6s' : 'tic_9xr3tjc7nd5a')

export const subject: ServerSubject = {
  name: 'ticket-handler',
  entry: fileURLToPath(new URL('../dist/main.mjs', import.meta.url)),
  prefix: 'TICKET',
  api: 'tickets',
  endpoints: ['POST /tickets', 'PATCH /tickets/{id}', 'GET /tickets/{id}', 'GET /whoami'],
  scopes: ['tickets:create', 'tickets:update', 'tickets:read'],
  surplusScope: 'tickets:delete',
  confirmationOn: { TICKET_CONFIRM: 'required' },
  confirmationOff: { TICKET_CONFIRM: 'description' },
  malformed: { TICKET_CONFIRM: ['yes', 'Required'] },
  tools: [
    {
      name: 'createTicket',
      effect: 'reversible',
      scope: 'tickets:write',
      endpoint: 'POST /tickets',
      fields: {
        subject: { kind: 'text', max: 200 },
        description: { kind: 'text', max: 4000 },
        priority: PRIORITY,
        customerEmail: { kind: 'email', max: 254, optional: true },
      },
      valid: ({ n }) => ({
        subject: `Printer ${n} prints nothing`,
        description: `Line one of report ${n}.\n\tLine two, with “quotes”, ñ and 🎈.`,
        priority: 'low',
        customerEmail: `customer-${n}@example.com`,
      }),
    },
    {
      name: 'updateTicket',
      effect: 'reversible',
      scope: 'tickets:write',
      endpoint: 'PATCH /tickets/{id}',
      fields: {
        ticketId: ID,
        status: { kind: 'choice', optional: true },
        priority: { ...PRIORITY, optional: true },
        note: { kind: 'text', max: 1000, optional: true },
      },
      valid: ({ n }) => ({
        ticketId: ticketId(n),
        status: 'pending',
        priority: 'high',
        note: `Called back, attempt ${n}`,
      }),
    },
    {
      name: 'getTicket',
      effect: 'read',
      scope: 'tickets:read',
      endpoint: 'GET /tickets/{id}',
      fields: { ticketId: ID },
      valid: ({ n }) => ({ ticketId: ticketId(n) }),
    },
  ],
}
