import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, startBackend } from '@narrow-deputies/demo-stack'
import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
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
  YES,
} from '@narrow-deputies/server-contract'
import { onTestFinished } from 'vitest'

const ENTRY = fileURLToPath(new URL('../dist/main.mjs', import.meta.url))

const AUDIT_KEY = '5e'.repeat(32)

export const yes: Person = () => YES

/** A blog backend, a drafts folder and an audit log, and a configuration of blog-publisher that uses them. */
export interface Publisher {
  readonly backend: Backend
  /** The drafts folder. */
  readonly drafts: string
  readonly env: Readonly<Record<string, string>>
  readonly trail: AuditTrail
  /** Writes a draft. Returns its SHA-256. */
  write(filename: string, content: string | Uint8Array): string
  /** The SHA-256 of the live post with this slug, if there is one. */
  live(slug: string): string[]
  /** Returns a function that returns the records of all calls since now, from the files of all server processes. */
  recordsFromNow(): () => AuditRecord[]
  /** Starts a server process without an SDK client. */
  start(era: Era, person?: Person, capabilities?: unknown): Promise<RunningServer>
  open(kind: ClientKind, person?: Person): Promise<Session>
  close(): Promise<void>
}

/** The same as {@link openPublisher} for one test. It is closed when the test ends. */
export async function publisher(extra?: Record<string, string>): Promise<Publisher> {
  const world = await openPublisher(extra)
  onTestFinished(() => world.close())
  return world
}

export async function openPublisher(extra: Record<string, string> = {}): Promise<Publisher> {
  const backend = await startBackend()
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'blog-publisher-')))
  const drafts = join(folder, 'drafts')
  mkdirSync(drafts, { mode: 0o755 })
  const auditFile = join(folder, 'audit.jsonl')
  const env = {
    BLOG_API_URL: backend.blog.url,
    BLOG_API_KEY: backend.blog.key,
    BLOG_DRAFTS_DIR: drafts,
    AUDIT_FILE: auditFile,
    AUDIT_KEY,
    ...extra,
  }
  const closing: (() => Promise<unknown>)[] = [
    () => backend.close(),
    async () => rmSync(folder, { recursive: true, force: true }),
  ]

  const server: Start = { entry: ENTRY, env, atEnd: step => void closing.unshift(step) }
  const trail = new AuditTrail(auditFile, AUDIT_KEY)
  return {
    backend,
    drafts,
    env,
    trail,
    write(filename, content) {
      writeFileSync(join(drafts, filename), content)
      return sha256(content)
    },
    live: slug =>
      backend
        .articles()
        .filter(article => article.slug === slug)
        .map(article => article.sha256),
    recordsFromNow() {
      const before = new Set(trail.records().map(({ mac }) => mac))
      return () => trail.records().filter(({ callId, mac }) => callId !== undefined && !before.has(mac))
    },
    start: (era, person, capabilities) => startOnWire(server, era, person, capabilities),
    open: (kind, person) => openSession(server, kind, person),
    async close() {
      for (const step of closing.splice(0)) await step()
    },
  }
}

/** A folder that is deleted when the test ends. */
export function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'blog-publisher-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
