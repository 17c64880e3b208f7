import type { FastifyInstance } from 'fastify'
import type { RateLimiter } from '../api-rules.ts'
import { applyApiRules } from '../api-rules.ts'
import type { Writes } from '../idempotency.ts'
import { closed, EMAIL, ID_PARAMS, text } from '../json-schema.ts'
import type { NewTicket, TicketChange, TicketStore } from './ticket-store.ts'
import { PRIORITIES, STATUSES } from './ticket-store.ts'

const STATUS = { type: 'string', enum: STATUSES }
const PRIORITY = { type: 'string', enum: PRIORITIES }
const NOTE_TEXT = text(1, 5000)

const TICKET = closed({
  id: { type: 'string' },
  subject: { type: 'string' },
  description: { type: 'string' },
  priority: PRIORITY,
  status: STATUS,
  customerEmail: { type: ['string', 'null'] },
  createdAt: { type: 'string' },
  updatedAt: { type: 'string' },
  notes: {
    type: 'array',
    items: closed({
      at: { type: 'string' },
      author: { type: 'string' },
      text: { type: 'string' },
      internal: { type: 'boolean' },
    }),
  },
})

interface TicketOptions {
  tickets: TicketStore
  writes: Writes
  limiter: RateLimiter
}

/** The ticket API: create, update and read tickets, and also list, reply and delete, which no server may do. */
export async function ticketApi(app: FastifyInstance, { tickets, writes, limiter }: TicketOptions): Promise<void> {
  await applyApiRules(app, { api: 'tickets', title: 'Ticket API', description: 'Support tickets.', limiter })

  app.post<{ Body: NewTicket }>(
    '/tickets',
    {
      config: { access: 'tickets:create' },
      schema: {
        operationId: 'createTicket',
        summary: 'Create a ticket',
        body: closed(
          { subject: text(1, 200), description: text(1, 10_000), priority: PRIORITY, customerEmail: EMAIL },
          ['customerEmail'],
        ),
        response: { 201: TICKET },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => ({ status: 201, body: tickets.create(request.body) })),
  )

  app.get(
    '/tickets',
    {
      config: { access: 'tickets:list' },
      schema: {
        operationId: 'listTickets',
        summary: 'List all tickets',
        response: { 200: closed({ tickets: { type: 'array', items: TICKET } }) },
      },
    },
    async () => ({ tickets: tickets.all() }),
  )

  app.get<{ Params: { id: string } }>(
    '/tickets/:id',
    {
      config: { access: 'tickets:read' },
      schema: { operationId: 'getTicket', summary: 'Get a ticket', params: ID_PARAMS, response: { 200: TICKET } },
    },
    async request => tickets.get(request.params.id),
  )

  app.patch<{ Params: { id: string }; Body: TicketChange }>(
    '/tickets/:id',
    {
      config: { access: 'tickets:update' },
      schema: {
        operationId: 'updateTicket',
        summary: 'Change the status or priority, or add an internal note; if one change is refused, nothing is changed',
        params: ID_PARAMS,
        body: {
          ...closed({ status: STATUS, priority: PRIORITY, note: NOTE_TEXT }, ['status', 'priority', 'note']),
          minProperties: 1,
        },
        response: { 200: TICKET },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => ({
        status: 200,
        body: tickets.update(request.params.id, request.body, request.caller?.name ?? ''),
      })),
  )

  app.post<{ Params: { id: string }; Body: { text: string } }>(
    '/tickets/:id/replies',
    {
      config: { access: 'tickets:reply' },
      schema: {
        operationId: 'replyToTicket',
        summary: 'Send a reply to the customer',
        params: ID_PARAMS,
        body: closed({ text: NOTE_TEXT }),
        response: { 201: TICKET },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => ({
        status: 201,
        body: tickets.reply(request.params.id, request.body.text, request.caller?.name ?? ''),
      })),
  )

  app.delete<{ Params: { id: string } }>(
    '/tickets/:id',
    {
      config: { access: 'tickets:delete' },
      schema: {
        operationId: 'deleteTicket',
        summary: 'Delete a ticket and its notes permanently',
        params: ID_PARAMS,
        response: { 204: { type: 'null', description: 'Deleted' } },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => {
        tickets.remove(request.params.id)
        return { status: 204, body: null }
      }),
  )
}
