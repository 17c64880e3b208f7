import type { DatabaseSync } from 'node:sqlite'
import type { Articles } from '../blog/articles.ts'
import type { Customers } from '../crm/customers.ts'
import { inTransaction } from '../database.ts'
import type { TicketStore } from '../tickets/ticket-store.ts'
import { ARTICLES } from './articles.ts'
import { CUSTOMERS } from './customers.ts'
import { HOSTILE_CUSTOMERS, HOSTILE_TICKETS } from './hostile.ts'
import { TICKETS } from './tickets.ts'

/** Adds the demo records to a new database. A database that was seeded before is left as it is. */
export function seedOnce(db: DatabaseSync, articles: Articles, customers: Customers, tickets: TicketStore): void {
  inTransaction(db, () => {
    if (db.prepare('PRAGMA user_version').get()?.user_version !== 0) return
    for (const article of ARTICLES) articles.add(article)
    for (const customer of [...CUSTOMERS, ...HOSTILE_CUSTOMERS]) customers.add(customer)
    for (const ticket of [...TICKETS, ...HOSTILE_TICKETS]) tickets.add(ticket)
    db.exec('PRAGMA user_version = 1')
  })
}
