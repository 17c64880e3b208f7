import { fileURLToPath } from 'node:url'

export type { ApiName } from './api-keys.ts'
export { type ApiAccess, type Backend, type BackendOptions, startBackend } from './backend.ts'
export type { Article } from './blog/articles.ts'
export type { Customer } from './crm/customers.ts'
export type { LoggedRequest } from './request-log.ts'
export type { Ticket, TicketNote } from './tickets/ticket-store.ts'

/** Absolute path of a flat folder of blog drafts in Markdown. */
export const DRAFTS: string = fileURLToPath(new URL('../drafts', import.meta.url))
