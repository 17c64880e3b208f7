import { createHash } from 'node:crypto'
import * as z from 'zod'
import { exchange, within } from '#backend'
import { type WritingFetch, writeOnce } from '#backend/writes'
import { type CallContext, CodedError, untrustedText } from '#call'
import { urlPath } from '#guardrails/path-guard'
import type { NewTicket, TicketBackend } from '../ports.ts'
import { Priority, Status, TicketId, type TicketReceipt, type TicketView } from '../vocabulary.ts'

/** All that this server can ever send. */
export const REST_ENDPOINTS = ['POST /tickets', 'PATCH /tickets/{id}', 'GET /tickets/{id}', 'GET /whoami'] as const

/** What the credential must be allowed, and no more. */
export const REST_SCOPES = ['tickets:create', 'tickets:update', 'tickets:read'] as const

const Instant = z.iso.datetime({ offset: true }).max(40)

/**
 * Ids as this backend makes them. One that is a word could name another endpoint beside the tickets (`export`), and
 * would pass as a single segment.
 */
const ID = /^tic_[a-z0-9]+$/

function ticketPath(id: TicketId): string {
  if (!ID.test(id)) throw new CodedError('NOT_FOUND', 'There is no ticket of this id.')
  return urlPath`/tickets/${id}`
}

const Fields = z.object({ id: TicketId, status: Status, priority: Priority })

const Receipt = Fields.transform(({ id: ticketId, ...rest }): TicketReceipt => ({ ticketId, ...rest }))

const View = Fields.extend({
  updatedAt: Instant,
  subject: untrustedText(200),
  description: untrustedText(4000),
  notes: z.array(z.object({ at: Instant, text: untrustedText(1000) })).max(10_000),
}).transform(({ id: ticketId, subject, description, notes, ...rest }): TicketView => {
  // The newest notes are what a reader needs.
  return { ticketId, ...rest, untrusted: { subject, description, notes: notes.slice(-20) } }
})

const Whoami = z.object({ name: z.string().max(200), scopes: z.array(z.string().max(100)).max(100) })

/**
 * The tickets of a REST backend.
 *
 * @param timeoutMs for one whole call
 */
export function restTickets(fetch: WritingFetch, timeoutMs: number): TicketBackend {
  return {
    create: (ticket, call) =>
      within(timeoutMs, call, bounded =>
        writeOnce(fetch, bounded, {
          endpoint: 'POST /tickets',
          path: urlPath`/tickets`,
          body: ticket,
          // Made of who asks for what, so that it is the same when the same is asked for again, by whichever process.
          idempotencyKey: fingerprint(ticket, call),
          reply: Receipt,
          ifLost:
            'Call createTicket again with the same arguments within ten minutes: it finds the ticket if there is one, and never makes a second.',
        }),
      ),
    update: (id, change, call) =>
      within(timeoutMs, call, bounded =>
        writeOnce(fetch, bounded, {
          endpoint: 'PATCH /tickets/{id}',
          path: ticketPath(id),
          body: change,
          // Of this call alone: the same change may be wanted again later, after another one.
          idempotencyKey: call.callId,
          reply: Receipt,
          ifLost: 'Call getTicket to see whether the change is there before you repeat it.',
        }),
      ),
    get: (id, call) =>
      within(timeoutMs, call, bounded =>
        exchange(fetch, bounded, {
          endpoint: 'GET /tickets/{id}',
          path: ticketPath(id),
          reply: View,
        }),
      ),
    whoami: call =>
      within(timeoutMs, call, bounded =>
        exchange(fetch, bounded, { endpoint: 'GET /whoami', path: urlPath`/whoami`, reply: Whoami }),
      ),
  }
}

function fingerprint(ticket: NewTicket, call: CallContext): string {
  const { subject, description, priority, customerEmail = null } = ticket
  return createHash('sha256')
    .update(JSON.stringify([call.callerId, subject, description, priority, customerEmail]))
    .digest('hex')
}
