import type { DatabaseSync } from 'node:sqlite'
import { newId } from '../ids.ts'
import { conflict, notFound } from '../refusal.ts'

export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const
export const STATUSES = ['open', 'pending', 'solved'] as const

/** A note on a ticket. Customers see a note only if it is not internal. */
export interface TicketNote {
  /** ISO 8601 in UTC. */
  at: string
  author: string
  text: string
  internal: boolean
}

/** A support ticket with its notes, oldest first. */
export interface Ticket {
  id: string
  subject: string
  description: string
  priority: (typeof PRIORITIES)[number]
  status: (typeof STATUSES)[number]
  customerEmail: string | null
  /** ISO 8601 in UTC. */
  createdAt: string
  /** ISO 8601 in UTC. */
  updatedAt: string
  notes: TicketNote[]
}

/** The fields of a new ticket. */
export type NewTicket = Pick<Ticket, 'subject' | 'description' | 'priority'> & { customerEmail?: string }

/** The changes to a ticket; `note` is added as an internal note. */
export type TicketChange = Partial<Pick<Ticket, 'status' | 'priority'>> & { note?: string }

const COLUMNS = `id, subject, description, priority, status, customer_email AS customerEmail, created_at AS createdAt,
  updated_at AS updatedAt`

/** The tickets and their notes. */
export class TicketStore {
  readonly #db: DatabaseSync
  readonly #now: () => number

  constructor(db: DatabaseSync, now: () => number) {
    this.#db = db
    this.#now = now
  }

  create(input: NewTicket): Ticket {
    const at = this.#timestamp()
    const { customerEmail = null, ...rest } = input
    const ticket: Ticket = {
      ...rest,
      id: newId('tic'),
      status: 'open',
      customerEmail,
      createdAt: at,
      updatedAt: at,
      notes: [],
    }
    this.add(ticket)
    return ticket
  }

  add(ticket: Ticket): void {
    const { id, subject, description, priority, status, customerEmail, createdAt, updatedAt } = ticket
    this.#db
      .prepare(
        `INSERT INTO tickets
           (id, subject, description, priority, status, customer_email, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(id, subject, description, priority, status, customerEmail, createdAt, updatedAt)
    for (const note of ticket.notes) this.#addNote(id, note)
  }

  /** @throws Refusal 404 */
  get(id: string): Ticket {
    const row = this.#db.prepare(`SELECT ${COLUMNS} FROM tickets WHERE id = ?`).get(id)
    if (row === undefined) throw notFound('ticket')
    return this.#ticket(row)
  }

  /** Oldest first. */
  all(): Ticket[] {
    const rows = this.#db.prepare(`SELECT ${COLUMNS} FROM tickets ORDER BY created_at, id`).all()
    return rows.map(row => this.#ticket(row))
  }

  /** @throws Refusal 404, or 409 if a solved ticket would get another status than open */
  update(id: string, change: TicketChange, author: string): Ticket {
    const ticket = this.get(id)
    if (ticket.status === 'solved' && change.status !== undefined && change.status !== 'open') {
      throw conflict('a solved ticket can only be reopened')
    }
    const at = this.#timestamp()
    this.#db
      .prepare('UPDATE tickets SET status = ?, priority = ?, updated_at = ? WHERE id = ?')
      .run(change.status ?? ticket.status, change.priority ?? ticket.priority, at, id)
    if (change.note !== undefined) this.#addNote(id, { at, author, text: change.note, internal: true })
    return this.get(id)
  }

  /** Adds a note that the customer sees. @throws Refusal 404 */
  reply(id: string, text: string, author: string): Ticket {
    this.get(id)
    const at = this.#timestamp()
    this.#db.prepare('UPDATE tickets SET updated_at = ? WHERE id = ?').run(at, id)
    this.#addNote(id, { at, author, text, internal: false })
    return this.get(id)
  }

  /** @throws Refusal 404 */
  remove(id: string): void {
    this.#db.prepare('DELETE FROM tickets WHERE id = ?').run(this.get(id).id)
  }

  #addNote(ticketId: string, { at, author, text, internal }: TicketNote): void {
    this.#db
      .prepare('INSERT INTO ticket_notes (ticket_id, at, author, text, internal) VALUES (?, ?, ?, ?, ?)')
      .run(ticketId, at, author, text, internal ? 1 : 0)
  }

  #ticket(row: Record<string, unknown>): Ticket {
    const stored = row as unknown as Omit<Ticket, 'notes'>
    const notes = this.#db
      .prepare('SELECT at, author, text, internal FROM ticket_notes WHERE ticket_id = ? ORDER BY seq')
      .all(stored.id) as unknown as (Omit<TicketNote, 'internal'> & { internal: number })[]
    return { ...stored, notes: notes.map(note => ({ ...note, internal: note.internal === 1 })) }
  }

  #timestamp(): string {
    return new Date(this.#now()).toISOString()
  }
}
