import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ApiName } from './api-keys.ts'
import type { Backend } from './backend.ts'

export const SERVERS = ['blog-publisher', 'crm-reader', 'ticket-handler'] as const
export type ServerName = (typeof SERVERS)[number]

/** How an MCP client starts a local server: the form that clients have in their settings. */
export interface ClientEntry {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const API_OF: Record<ServerName, ApiName> = {
  'blog-publisher': 'blog',
  'crm-reader': 'crm',
  'ticket-handler': 'tickets',
}

/**
 * The keys of the three servers. Made once and kept in the state folder, so that what was pasted into a client stays
 * true.
 */
export function serverKeys(state: string): Record<ApiName, string> {
  const keys = SERVERS.map(server => [API_OF[server], readFileSync(apiKeyFile(state, server), 'utf8').trim()])
  return Object.fromEntries(keys)
}

/**
 * The entries of the three servers against one backend that was started with `serverKeys`. Each has its own credential,
 * audit file and audit key; the secrets stand in files of the state folder, not in the entries.
 */
export function clientEntries(backend: Backend, state: string, drafts: string): Record<ServerName, ClientEntry> {
  return entriesWith(auditFile, backend, state, drafts)
}

/** The same for processes that run beside those of local clients: each kind has audit files of its own. */
export function remoteEntries(backend: Backend, state: string, drafts: string): Record<ServerName, ClientEntry> {
  return entriesWith(remoteAuditFile, backend, state, drafts)
}

function entriesWith(
  auditFileOf: (state: string, server: ServerName) => string,
  backend: Backend,
  state: string,
  drafts: string,
): Record<ServerName, ClientEntry> {
  const entry = (server: ServerName, prefix: string, more: Record<string, string> = {}): ClientEntry => ({
    command: 'node',
    args: [fileURLToPath(new URL(`../../../servers/${server}/dist/main.mjs`, import.meta.url))],
    env: {
      [`${prefix}_API_URL`]: backend[API_OF[server]].url,
      [`${prefix}_API_KEY_FILE`]: apiKeyFile(state, server),
      ...more,
      AUDIT_FILE: auditFileOf(state, server),
      AUDIT_KEY_FILE: auditKeyFile(state, server),
    },
  })
  return {
    'blog-publisher': entry('blog-publisher', 'BLOG', { BLOG_DRAFTS_DIR: drafts }),
    'crm-reader': entry('crm-reader', 'CRM'),
    'ticket-handler': entry('ticket-handler', 'TICKET'),
  }
}

export function auditFile(state: string, server: ServerName): string {
  return join(state, `${server}.audit.jsonl`)
}

function remoteAuditFile(state: string, server: ServerName): string {
  return join(state, `${server}.remote.audit.jsonl`)
}

export function auditKeyFile(state: string, server: ServerName): string {
  return kept(join(state, `${server}.audit-key`), () => randomBytes(32).toString('hex'))
}

function apiKeyFile(state: string, server: ServerName): string {
  return kept(
    join(state, `${server}.api-key`),
    () => `nd_demo_${API_OF[server]}_${randomBytes(24).toString('base64url')}`,
  )
}

function kept(file: string, make: () => string): string {
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600 })
  return file
}
