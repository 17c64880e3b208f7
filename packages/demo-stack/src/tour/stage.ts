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

/** A reply to a tool call, as a host hands it to a model. */
export interface Reply {
  readonly isError?: boolean
  readonly text: string
  readonly data: Record<string, unknown>
}

/** Backend, drafts and one real MCP client for each server, in a folder that goes with the tour. */
export interface Stage {
  readonly backend: Backend
  readonly drafts: string
  /** What a person answers when a server asks; told the question. */
  human: (question: string) => boolean
  call(server: ServerName, tool: string, args: Record<string, unknown>, extra?: Record<string, unknown>): Promise<Reply>
  records(server: ServerName): AuditRecord[]
  /** Ends the clients, and with them the servers. */
  leave(): Promise<void>
  verify(server: ServerName): Promise<Verdict>
  strike(): Promise<void>
}

export async function setStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'narrow-deputies-'))
  const drafts = join(folder, 'drafts')
  mkdirSync(drafts, { mode: 0o755 })
  cpSync(DRAFTS, drafts, { recursive: true })
  const backend = await startBackend({ keys: serverKeys(folder) })
  const entries = clientEntries(backend, folder, drafts)
  const clients = new Map<ServerName, Client>()
  const stage: Stage = {
    backend,
    drafts,
    human: () => false,
    async call(server, name, args, extra = {}) {
      try {
        // What a host sends for a model, plus what only a hostile host could add.
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
    async leave() {
      for (const client of clients.values()) await client.close()
    },
    async verify(server) {
      const key = parseAuditKey(readFileSync(auditKeyFile(folder, server), 'utf8'))
      return await verifyAudit(auditFile(folder, server), { keys: [key] })
    },
    async strike() {
      await backend.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  for (const server of SERVERS) clients.set(server, await connect(entries[server], stage))
  return stage
}

async function connect({ args, env }: ClientEntry, stage: Stage): Promise<Client> {
  const client = new Client(
    { name: 'tour', version: '1.0.0' },
    { capabilities: { elicitation: {} }, versionNegotiation: { mode: 'auto' } },
  )
  client.setRequestHandler('elicitation/create', ({ params }) =>
    stage.human(params.message) ? { action: 'accept', content: { confirm: true } } : { action: 'decline' },
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
