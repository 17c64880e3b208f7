import type { AddressInfo } from 'node:net'
import type { ApiName } from './api-keys.ts'
import { ApiKeys } from './api-keys.ts'
import { blogApi } from './blog/api.ts'
import type { Article } from './blog/articles.ts'
import { Articles } from './blog/articles.ts'
import { postPage } from './blog/post-page.ts'
import { crmApi } from './crm/api.ts'
import type { Customer } from './crm/customers.ts'
import { Customers } from './crm/customers.ts'
import { openDatabase } from './database.ts'
import { createHttpServer } from './http-server.ts'
import { Writes } from './idempotency.ts'
import { createMeter } from './rate-limit.ts'
import type { LoggedRequest } from './request-log.ts'
import { RequestLog } from './request-log.ts'
import { seedOnce } from './seed/seed.ts'
import { ticketApi } from './tickets/api.ts'
import type { Ticket } from './tickets/ticket-store.ts'
import { TicketStore } from './tickets/ticket-store.ts'

const LOOPBACK = '127.0.0.1'

/** The scopes and name of each API's own key: what one narrow client needs and no more. */
const LEAST: Record<ApiName, { name: string; scopes: readonly string[] }> = {
  blog: { name: 'blog-publisher', scopes: ['articles:create'] },
  crm: { name: 'crm-reader', scopes: ['customers:read'] },
  tickets: { name: 'ticket-handler', scopes: ['tickets:create', 'tickets:update', 'tickets:read'] },
}

export interface BackendOptions {
  /** TCP port on loopback; 0, the default, takes any free one. */
  port?: number
  /** A database file, or `:memory:`, the default. */
  database?: string
  /** Whether a new database is filled with demo records; default true. */
  seed?: boolean
  /** Requests per key and window; default 600 in 60 000 ms. */
  rateLimit?: { max: number; windowMs: number }
  /** How long replies are remembered for an `Idempotency-Key`, in milliseconds; default 10 minutes. */
  idempotencyWindowMs?: number
  /** The clock of all stored times and of the idempotency window, in milliseconds since 1970; default `Date.now`. */
  now?: () => number
  /** Values for the three least keys, instead of minting new ones. */
  keys?: Record<ApiName, string>
}

/** One API's address and a key that may do the least that its narrow client needs. */
export interface ApiAccess {
  url: string
  key: string
}

/** A running backend. The snapshots are copies: changing them changes nothing. */
export interface Backend {
  /** `http://127.0.0.1:PORT` */
  url: string
  /** `…/blog/v1`, key: articles:create */
  blog: ApiAccess
  /** `…/crm/v1`, key: customers:read */
  crm: ApiAccess
  /** `…/tickets/v1`, key: tickets:create, tickets:update, tickets:read */
  tickets: ApiAccess
  /** Issues another key. @throws RangeError when a scope is not one of that API's */
  mintKey(api: ApiName, scopes: string[], name?: string): string
  /** Every request so far, oldest first. */
  requests(): LoggedRequest[]
  clearRequests(): void
  /** Oldest first. */
  articles(): Article[]
  /** By name. */
  customers(): Customer[]
  /** Oldest first, with their notes. */
  ticketRows(): Ticket[]
  /** Drops open connections and closes the database. Safe to call again. */
  close(): Promise<void>
}

/**
 * Starts the backend on loopback.
 *
 * @throws the system's error when the port is taken or the database cannot be opened; RangeError when a given key
 *   could not travel in a header or stands for two APIs. Nothing is left running.
 */
export async function startBackend(options: BackendOptions = {}): Promise<Backend> {
  const { now = Date.now, rateLimit = { max: 600, windowMs: 60_000 }, idempotencyWindowMs = 600_000 } = options
  if (options.keys !== undefined && new Set(Object.values(options.keys)).size < 3) {
    throw new RangeError('each API needs a key of its own')
  }
  const db = openDatabase(options.database ?? ':memory:')
  const keys = new ApiKeys(db)
  const log = new RequestLog(db, now)
  const app = createHttpServer(keys, log)
  let url = ''
  const articles = new Articles(db, now, () => url)
  const customers = new Customers(db)
  const tickets = new TicketStore(db, now)
  const writes = new Writes(db, now, idempotencyWindowMs)

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= app.close().finally(() => db.close())
    return closing
  }
  const leastKey = (api: ApiName) => {
    const { scopes, name } = LEAST[api]
    const given = options.keys?.[api]
    if (given === undefined) return keys.mint(api, scopes, name)
    keys.accept(given, api, scopes, name)
    return given
  }

  try {
    if (options.seed !== false) seedOnce(db, articles, customers, tickets)
    const meter = await createMeter(app, rateLimit.max, rateLimit.windowMs)
    app.register(blogApi, { prefix: '/blog/v1', articles, writes, meter })
    app.register(postPage, { articles })
    app.register(crmApi, { prefix: '/crm/v1', customers, writes, meter })
    app.register(ticketApi, { prefix: '/tickets/v1', tickets, writes, meter })
    const least = { blog: leastKey('blog'), crm: leastKey('crm'), tickets: leastKey('tickets') }
    await app.listen({ host: LOOPBACK, port: options.port ?? 0 })
    url = `http://${LOOPBACK}:${(app.server.address() as AddressInfo).port}`
    return {
      url,
      blog: { url: `${url}/blog/v1`, key: least.blog },
      crm: { url: `${url}/crm/v1`, key: least.crm },
      tickets: { url: `${url}/tickets/v1`, key: least.tickets },
      mintKey: (api, scopes, name) => keys.mint(api, scopes, name),
      requests: () => log.all(),
      clearRequests: () => log.clear(),
      articles: () => articles.all(),
      customers: () => customers.all(),
      ticketRows: () => tickets.all(),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
