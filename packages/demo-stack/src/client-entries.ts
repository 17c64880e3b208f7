import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ApiName } from './api-keys.ts'
import type { Backend } from './backend.ts'

export const SERVERS = ['blog-publisher', 'crm-reader', 'ticket-handler'] as const
export type ServerName = (typeof SERVERS)[number]

/** How an MCP client starts a local server, in the format of `mcpServers` in client settings. */
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
 * The API keys of the three servers. They are generated once and stored in the state folder, so entries that were
 * pasted into a client keep working after a restart.
 */
export function serverKeys(state: string): Record<ApiName, string> {
  const keys = SERVERS.map(server => [API_OF[server], readFileSync(apiKeyFile(state, server), 'utf8').trim()])
  return Object.fromEntries(keys)
}

/**
 * The client entries of the three servers, for a backend that was started with `serverKeys`. Each server has its own
 * API key, audit file and audit key. The entries contain the names of the key files in the state folder, not the keys.
 */
export function clientEntries(backend: Backend, state: string, drafts: string): Record<ServerName, ClientEntry> {
  return entriesWith(auditFile, backend, state, drafts)
}

/** The same entries with other audit files, for servers that run at the same time as those of local clients. */
export function remoteEntries(backend: Backend, state: string, drafts: string): Record<ServerName, ClientEntry> {
  return entriesWith(remoteAuditFile, backend, state, drafts)
}

function entriesWith(
  auditFileOf: (state: string, server: ServerName) => string,
  backend: Backend,
  state: string,
  drafts: string,
): Record<ServerName, ClientEntry> {
  const entry = (server: ServerName, prefix: string, extra: Record<string, string> = {}): ClientEntry => ({
    command: 'node',
    args: [fileURLToPath(new URL(`../../../servers/${server}/dist/main.mjs`, import.meta.url))],
    env: {
      [`${prefix}_API_URL`]: backend[API_OF[server]].url,
      [`${prefix}_API_KEY_FILE`]: apiKeyFile(state, server),
      ...extra,
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
  return secretFile(join(state, `${server}.audit-key`), () => randomBytes(32).toString('hex'))
}

function apiKeyFile(state: string, server: ServerName): string {
  return secretFile(
    join(state, `${server}.api-key`),
    () => `nd_demo_${API_OF[server]}_${randomBytes(24).toString('base64url')}`,
  )
}

/** Creates the file with a generated secret if it does not exist. Returns its name. */
function secretFile(file: string, generate: () => string): string {
  if (!existsSync(file)) writeFileSync(file, `${generate()}\n`, { mode: 0o600 })
  return file
}
