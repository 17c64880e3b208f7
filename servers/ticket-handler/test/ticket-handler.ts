import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, type BackendOptions, startBackend } from '@narrow-deputies/demo-stack'
import {
  AuditTrail,
  type ClientKind,
  type Era,
  openSession,
  type Person,
  type RunningServer,
  type Session,
  type Start,
  startOnWire,
} from '@narrow-deputies/server-contract'
import { onTestFinished } from 'vitest'

const ENTRY = fileURLToPath(new URL('../dist/main.mjs', import.meta.url))

const AUDIT_KEY = '7a'.repeat(32)

/** A ticket backend, and a configuration of ticket-handler that uses it. */
export interface TicketHandler {
  readonly backend: Backend
  readonly trail: AuditTrail
  readonly env: Readonly<Record<string, string>>
  /** Starts a server process without an SDK client. */
  start(era: Era, capabilities: unknown): Promise<RunningServer>
  open(kind?: ClientKind, person?: Person): Promise<Session>
  close(): Promise<void>
}

export interface Options {
  /** The default is a backend without seeded records. */
  readonly backend?: Backend
  /** The URL of the API, if requests go through a proxy. */
  readonly apiUrl?: string
  readonly env?: Record<string, string>
}

export async function openTicketHandler(options: Options = {}): Promise<TicketHandler> {
  const backend = options.backend ?? (await startBackend({ seed: false }))
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ticket-handler-')))
  const auditFile = join(folder, 'audit.jsonl')
  const env = {
    TICKET_API_URL: options.apiUrl ?? backend.tickets.url,
    TICKET_API_KEY: backend.tickets.key,
    AUDIT_FILE: auditFile,
    AUDIT_KEY,
    ...options.env,
  }
  const closing: (() => Promise<unknown>)[] = [
    ...(options.backend ? [] : [() => backend.close()]),
    async () => rmSync(folder, { recursive: true, force: true }),
  ]
  const server: Start = { entry: ENTRY, env, atEnd: step => void closing.unshift(step) }
  return {
    backend,
    env,
    trail: new AuditTrail(auditFile, AUDIT_KEY),
    start: (era, capabilities) => startOnWire(server, era, undefined, capabilities),
    open: (kind = 'modern wire', person?: Person) => openSession(server, kind, person),
    async close() {
      for (const step of closing.splice(0)) await step()
    },
  }
}

/** The same for one test. It is closed when the test ends. */
export async function ticketHandlerForTest(options?: Options): Promise<TicketHandler> {
  const handler = await openTicketHandler(options)
  onTestFinished(() => handler.close())
  return handler
}

/** A backend for one test, without seeded records by default. */
export async function backendForTest(options: BackendOptions = { seed: false }): Promise<Backend> {
  const backend = await startBackend(options)
  onTestFinished(() => backend.close())
  return backend
}
