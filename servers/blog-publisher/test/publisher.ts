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

/** The file that ships. */
const ENTRY = fileURLToPath(new URL('../dist/main.mjs', import.meta.url))

const AUDIT_KEY = '5e'.repeat(32)

export const yes: Person = () => YES

/** A drafts folder, a backend and an audit log, and the servers that use them. */
export interface Publisher {
  readonly backend: Backend
  /** The folder of drafts. */
  readonly drafts: string
  readonly env: Readonly<Record<string, string>>
  readonly trail: AuditTrail
  /** Writes a draft and returns the SHA-256 of its bytes. */
  write(filename: string, content: string | Uint8Array): string
  /** The digests of what is live under a slug: one or none. */
  live(slug: string): string[]
  /** What the audit log says of calls from now on: each server process that is running writes a file of its own. */
  recordsFromNow(): () => AuditRecord[]
  /** A server process on a bare wire. */
  start(era: Era, person?: Person, capabilities?: unknown): Promise<RunningServer>
  open(way: ClientKind, person?: Person): Promise<Session>
  close(): Promise<void>
}

/** For one test: closed when it is over. */
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
    open: (way, person) => openSession(server, way, person),
    async close() {
      for (const step of closing.splice(0)) await step()
    },
  }
}

/** A folder of the test's own, gone when the test is over. */
export function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'blog-publisher-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
