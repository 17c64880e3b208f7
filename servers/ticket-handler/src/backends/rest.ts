import { createHash } from 'node:crypto'
import * as z from 'zod'
import { exchange, within } from '#backend'
import { type WritingFetch, writeOnce } from '#backend/writes'
import { type CallContext, CodedError, untrustedText } from '#call'
import { urlPath } from '#guardrails/path-guard'
import type { NewTicket, TicketBackend } from '../ports.ts'
import { Priority, Status, TicketId, type TicketReceipt, type TicketView } from '../vocabulary.ts'

/** The closed list of requests that this server can send. */
export const REST_ENDPOINTS = ['POST /tickets', 'PATCH /tickets/{id}', 'GET /tickets/{id}', 'GET /whoami'] as const

/** The scopes that the credential needs. `check` reports any other scope as a failure. */
export const REST_SCOPES = ['tickets:create', 'tickets:update', 'tickets:read'] as const

const Instant = z.iso.datetime({ offset: true }).max(40)

/**
 * The form of this backend’s ids. Without it, a word such as `export` would pass as one segment and reach another
 * endpoint.
 */
const ID = /^tic_[a-z0-9]+$/

function ticketPath(id: TicketId): string {
  if (!ID.test(id)) throw new CodedError('NOT_FOUND', 'There is no ticket of this id.')
  return urlPath`/tickets/${id}`
}

/** An id in a reply has this backend's form, so that it holds no other text. */
const ReplyId = TicketId.refine(id => ID.test(id))

const Fields = z.object({ id: ReplyId, status: Status, priority: Priority })

const Receipt = Fields.transform(({ id: ticketId, ...rest }): TicketReceipt => ({ ticketId, ...rest }))

const View = Fields.extend({
  updatedAt: Instant,
  subject: untrustedText(200),
  description: untrustedText(4000),
  notes: z.array(z.object({ at: Instant, text: untrustedText(1000) })).max(10_000),
}).transform(({ id: ticketId, subject, description, notes, ...rest }): TicketView => {
  // Only the newest notes are passed on.
  return { ticketId, ...rest, untrusted: { subject, description, notes: notes.slice(-20) } }
})

const Whoami = z.object({ name: z.string().max(200), scopes: z.array(z.string().max(100)).max(100) })

/**
 * The tickets of a REST backend.
 *
 * @param timeoutMs milliseconds for one whole call
 */
export function restTickets(fetch: WritingFetch, timeoutMs: number): TicketBackend {
  return {
    create: (ticket, call) =>
      within(timeoutMs, call, bounded =>
        writeOnce(fetch, bounded, {
          endpoint: 'POST /tickets',
          path: urlPath`/tickets`,
          body: ticket,
          // Derived from the caller and the arguments, so that a repeated request has the same key in every process.
          idempotencyKey: fingerprint(ticket, call),
          reply: Receipt.refine(({ priority }) => priority === ticket.priority),
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
          // The call’s own id, because the same change can be wanted again after another change.
          idempotencyKey: call.callId,
          // A receipt for another ticket, or without the change, is no success.
          reply: Receipt.refine(
            ({ ticketId, status, priority }) =>
              ticketId === id &&
              (change.status === undefined || status === change.status) &&
              (change.priority === undefined || priority === change.priority),
          ),
          ifLost: 'Call getTicket to see whether the change is there before you repeat it.',
        }),
      ),
    get: (id, call) =>
      within(timeoutMs, call, bounded =>
        exchange(fetch, bounded, {
          endpoint: 'GET /tickets/{id}',
          path: ticketPath(id),
          reply: View.refine(({ ticketId }) => ticketId === id),
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
