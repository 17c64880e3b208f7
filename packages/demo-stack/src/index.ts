import { fileURLToPath } from 'node:url'

export type { ApiName } from './api-keys.ts'
export { type ApiAccess, type Backend, type BackendOptions, startBackend } from './backend.ts'
export type { Article } from './blog/articles.ts'
export type { Customer } from './crm/customers.ts'
export { DEMO_PEOPLE, type Person } from './identity/people.ts'
export { type IdentityOptions, type IdentityProvider, startIdentityProvider } from './identity/provider.ts'
export type { ProtectedResource } from './identity/resources.ts'
export { type Decide, type Decision, ScriptedBrowser, signIn } from './identity/scripted-browser.ts'
export type { LoggedRequest } from './request-log.ts'
export type { Ticket, TicketNote } from './tickets/ticket-store.ts'

/** Absolute path of a flat folder of blog drafts in Markdown. */
export const DRAFTS: string = fileURLToPath(new URL('../drafts', import.meta.url))
