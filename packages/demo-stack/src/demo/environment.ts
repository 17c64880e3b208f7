import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { type AuditRecord, parseAuditKey, type Verdict, verifyAudit } from '@narrow-deputies/guardrails/audit'
import { type Backend, startBackend } from '../backend.ts'
import {
  auditFile,
  auditKeyFile,
  type ClientEntry,
  clientEntries,
  SERVERS,
  type ServerName,
  serverKeys,
} from '../client-entries.ts'
import { DRAFTS } from '../drafts.ts'

/** The reply to a tool call, as an MCP client passes it to a model. */
export interface Reply {
  readonly isError?: boolean
  readonly text: string
  readonly data: Record<string, unknown>
}

/** The backend, the drafts, and an MCP client for each server, in a temporary folder. */
export interface DemoEnvironment {
  readonly backend: Backend
  readonly drafts: string
  /** Called when a server asks the person to confirm something. Returns whether the person confirms it. */
  onQuestion: (question: string) => boolean
  call(server: ServerName, tool: string, args: Record<string, unknown>, extra?: Record<string, unknown>): Promise<Reply>
  records(server: ServerName): AuditRecord[]
  /** Closes the clients, which also stops the servers. */
  closeClients(): Promise<void>
  verify(server: ServerName): Promise<Verdict>
  /** Stops everything and deletes the folder. */
  close(): Promise<void>
}

export async function startEnvironment(): Promise<DemoEnvironment> {
  const folder = mkdtempSync(join(tmpdir(), 'narrow-deputies-'))
  const drafts = join(folder, 'drafts')
  mkdirSync(drafts, { mode: 0o755 })
  cpSync(DRAFTS, drafts, { recursive: true })
  const backend = await startBackend({ keys: serverKeys(folder) })
  const entries = clientEntries(backend, folder, drafts)
  const clients = new Map<ServerName, Client>()
  const environment: DemoEnvironment = {
    backend,
    drafts,
    onQuestion: () => false,
    async call(server, name, args, extra = {}) {
      try {
        // `extra` has parameters that a client would add, not the model.
        const reply = await clients.get(server)?.callTool({ name, arguments: args, ...extra })
        const [first] = (reply?.content ?? []) as { text?: string }[]
        return {
          isError: reply?.isError === true,
          text: first?.text ?? '',
          data: (reply?.structuredContent ?? {}) as Record<string, unknown>,
        }
      } catch (error) {
        return { isError: true, text: (error as Error).message, data: {} }
      }
    },
    records: server =>
      readFileSync(auditFile(folder, server), 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as AuditRecord),
    async closeClients() {
      for (const client of clients.values()) await client.close()
    },
    async verify(server) {
      const key = parseAuditKey(readFileSync(auditKeyFile(folder, server), 'utf8'))
      return await verifyAudit(auditFile(folder, server), { keys: [key] })
    },
    async close() {
      await environment.closeClients()
      await backend.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  for (const server of SERVERS) clients.set(server, await connect(entries[server], environment))
  return environment
}

async function connect({ args, env }: ClientEntry, environment: DemoEnvironment): Promise<Client> {
  const client = new Client(
    { name: 'demo', version: '1.0.0' },
    { capabilities: { elicitation: {} }, versionNegotiation: { mode: 'auto' } },
  )
  client.setRequestHandler('elicitation/create', ({ params }) =>
    environment.onQuestion(params.message) ? { action: 'accept', content: { confirm: true } } : { action: 'decline' },
  )
  const path = process.env.PATH ?? ''
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...args],
    env: { ...env, PATH: path, LOG_LEVEL: 'error' },
  })
  await client.connect(transport)
  return client
}
