import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, type BackendOptions, startBackend } from '@narrow-deputies/demo-stack'
import {
  AuditTrail,
  type Era,
  openSession,
  type Person,
  type RunningServer,
  type Session,
  type Start,
  startOnWire,
  type Way,
} from '@narrow-deputies/server-contract'
import { onTestFinished } from 'vitest'

/** The file that ships. */
const ENTRY = fileURLToPath(new URL('../dist/main.mjs', import.meta.url))

const AUDIT_KEY = '7a'.repeat(32)

/** A ticket backend and the servers that use it; closed when the test is over. */
export interface Desk {
  readonly backend: Backend
  readonly trail: AuditTrail
  readonly env: Readonly<Record<string, string>>
  /** A server process on a bare wire. */
  start(era: Era, capabilities: unknown): Promise<RunningServer>
  open(way?: Way, person?: Person): Promise<Session>
}

/** @param apiUrl where the server finds the backend, if not at its own address */
export async function desk(
  options: { backend?: Backend; apiUrl?: string; env?: Record<string, string> } = {},
): Promise<Desk> {
  const backend = options.backend ?? (await backendForTest())
  const folder = tempFolder()
  const auditFile = join(folder, 'audit.jsonl')
  const env = {
    TICKET_API_URL: options.apiUrl ?? backend.tickets.url,
    TICKET_API_KEY: backend.tickets.key,
    AUDIT_FILE: auditFile,
    AUDIT_KEY,
    ...options.env,
  }

  const server: Start = { entry: ENTRY, env, atEnd: step => onTestFinished(async () => void (await step())) }
  return {
    backend,
    env,
    trail: new AuditTrail(auditFile, AUDIT_KEY),
    start: (era, capabilities) => startOnWire(server, era, undefined, capabilities),
    open: (way = 'modern wire', person?: Person) => openSession(server, way, person),
  }
}

/** Without seeded records unless told: then every ticket there is one that the test made. */
export async function backendForTest(options: BackendOptions = { seed: false }): Promise<Backend> {
  const backend = await startBackend(options)
  onTestFinished(() => backend.close())
  return backend
}

function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ticket-handler-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
