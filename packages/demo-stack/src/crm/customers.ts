import type { DatabaseSync } from 'node:sqlite'
import { newId } from '../ids.ts'
import { conflict, invalid, notFound } from '../refusal.ts'
import { foldEmail, foldName } from './folding.ts'

export const PLANS = ['free', 'team', 'business', 'enterprise'] as const

/** A customer record. It has more fields than a server should pass on to a model. */
export interface Customer {
  id: string
  name: string
  company: string
  email: string
  phone: string
  plan: (typeof PLANS)[number]
  /** YYYY-MM-DD. */
  since: string
  /** ISO 3166-1 alpha-2. */
  country: string
  notes: string
  /** In whole euros. */
  creditLimit: number
  /** YYYY-MM-DD. */
  birthDate: string
}

const SEARCH_LIMIT = 10

const COLUMNS = `id, name, company, email, phone, plan, since, country, notes, credit_limit AS creditLimit,
  birth_date AS birthDate`

/** The customers table. */
export class Customers {
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** @throws Refusal 404 */
  get(id: string): Customer {
    return found(this.#db.prepare(`SELECT ${COLUMNS} FROM customers WHERE id = ?`).get(id))
  }

  /** @throws Refusal 404 */
  byEmail(email: string): Customer {
    return found(this.#db.prepare(`SELECT ${COLUMNS} FROM customers WHERE email_folded = ?`).get(foldEmail(email)))
  }

  /**
   * Finds up to ten customers whose name contains the text, sorted by name. `more` is true if there are others.
   *
   * @throws Refusal 400 if fewer than two characters remain after folding
   */
  search(text: string): { customers: Customer[]; more: boolean } {
    const folded = foldName(text)
    // Spaces and accents fold to an empty string, which every name contains.
    if (folded.length < 2) throw invalid('querystring/name must have at least 2 letters or digits')
    const rows = this.#db
      .prepare(`SELECT ${COLUMNS} FROM customers WHERE instr(name_folded, ?) > 0 ORDER BY name_folded, id LIMIT ?`)
      .all(folded, SEARCH_LIMIT + 1)
    return { customers: rows.slice(0, SEARCH_LIMIT).map(found), more: rows.length > SEARCH_LIMIT }
  }

  /** Sorted by name. */
  all(): Customer[] {
    return this.#db.prepare(`SELECT ${COLUMNS} FROM customers ORDER BY name_folded, id`).all().map(found)
  }

  /** @throws Refusal 409 if another customer has the e-mail address */
  create(input: Omit<Customer, 'id'>): Customer {
    const id = newId('cus')
    this.add({ ...input, id })
    return this.get(id)
  }

  /** @throws Refusal 409 if another customer has the e-mail address */
  add(customer: Customer): void {
    this.#requireFreeEmail(customer)
    this.#db
      .prepare(
        `INSERT INTO customers (name, name_folded, company, email, email_folded, phone, plan, since, country, notes,
           credit_limit, birth_date, id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(...values(customer))
  }

  /** @throws Refusal 404, or 409 if another customer has the e-mail address */
  change(id: string, changes: Partial<Omit<Customer, 'id'>>): Customer {
    const customer = { ...this.get(id), ...changes }
    this.#requireFreeEmail(customer)
    this.#db
      .prepare(
        `UPDATE customers SET name = ?, name_folded = ?, company = ?, email = ?, email_folded = ?, phone = ?, plan = ?,
           since = ?, country = ?, notes = ?, credit_limit = ?, birth_date = ?
         WHERE id = ?`,
      )
      .run(...values(customer))
    return customer
  }

  /** @throws Refusal 404 */
  remove(id: string): void {
    this.#db.prepare('DELETE FROM customers WHERE id = ?').run(this.get(id).id)
  }

  #requireFreeEmail({ id, email }: Customer): void {
    const taken = this.#db
      .prepare('SELECT 1 FROM customers WHERE email_folded = ? AND id <> ?')
      .get(foldEmail(email), id)
    if (taken !== undefined) throw conflict('another customer has this e-mail address')
  }
}

function found(row: Record<string, unknown> | undefined): Customer {
  if (row === undefined) throw notFound('customer')
  return { ...row } as unknown as Customer
}

function values(c: Customer): (string | number)[] {
  return [
    c.name,
    foldName(c.name),
    c.company,
    c.email,
    foldEmail(c.email),
    c.phone,
    c.plan,
    c.since,
    c.country,
    c.notes,
    c.creditLimit,
    c.birthDate,
    c.id,
  ]
}
