import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, startBackend } from '@narrow-deputies/demo-stack'
import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import {
  type Answer,
  AuditTrail,
  type CallResult,
  connect,
  type Era,
  errorCodeOf,
  type Message,
  RunningServer,
} from '@narrow-deputies/server-contract'
import { onTestFinished } from 'vitest'

/** The file that ships. */
const ENTRY = fileURLToPath(new URL('../dist/main.js', import.meta.url))

const AUDIT_KEY = '5e'.repeat(32)

/** Two clients as hosts have them, and the bare wire in both eras: each way in which a question can reach a person. */
export const WAYS = ['v1 client', 'v2 client', 'legacy wire', 'modern wire'] as const
export type Way = (typeof WAYS)[number]

/** What a person, or whatever stands in for one, answers: on the wire it can be anything. */
export type Person = (question: string) => unknown

export const YES = { action: 'accept', content: { confirm: true } }
export const yes: Person = () => YES

/** How a call ended, whichever way it went. */
export interface Ended {
  /** Undefined if it did not fail. */
  readonly code: string | undefined
  readonly text: string
  readonly data: Record<string, unknown>
}

/** A client and the server process that it started. */
export interface Session {
  /** Calls a tool; a question on the way is put to the person. */
  call(tool: string, args: Message, meta?: Message): Promise<Ended>
  close(): Promise<void>
}

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
  open(way: Way, person?: Person): Promise<Session>
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

  const start = async (era: Era, person?: Person, capabilities: unknown = person ? { elicitation: {} } : {}) => {
    const server = new RunningServer(ENTRY, env)
    closing.unshift(() => server.kill('SIGKILL'))
    if (person) server.onRequest = ({ params }) => person(questionOf(params))
    await server.open(era, capabilities)
    return server
  }

  const openWire = async (era: Era, person?: Person): Promise<Session> => {
    const server = await start(era, person)
    return {
      async call(tool, args, meta) {
        const extras = meta && { _meta: meta }
        const reply = await server.call(tool, args, extras)
        const asked = askedBy(reply)
        if (!asked || !person) return endOf(reply)
        return endOf(await server.call(tool, args, { ...extras, ...(await answer(asked, person)) }))
      },
      close: async () => void (await server.end()),
    }
  }
  const openClient = async (line: 'v1' | 'v2', person?: Person): Promise<Session> => {
    const client = await connect(line, ENTRY, env, person && (async question => (await person(question)) as Answer))
    closing.unshift(() => client.close())
    return {
      call: async (tool, args, meta) => endOfResult(await client.callTool(tool, args, meta)),
      close: () => client.close(),
    }
  }

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
    start,
    open(way, person) {
      if (way === 'v1 client') return openClient('v1', person)
      if (way === 'v2 client') return openClient('v2', person)
      return openWire(way === 'legacy wire' ? 'legacy' : 'modern', person)
    },
    async close() {
      for (const step of closing.splice(0)) await step()
    },
  }
}

/** A question that ended a call. */
export interface Asked {
  readonly question: string
  readonly requestState: string
}

export function askedBy(reply: Message): Asked | undefined {
  const { resultType, inputRequests, requestState } = (reply.result ?? {}) as Message
  if (resultType !== 'input_required') return undefined
  const { confirm } = inputRequests as { confirm: { params: unknown } }
  return { question: questionOf(confirm.params), requestState: String(requestState) }
}

/** What a client of the later era adds to the call that brings the answer. */
export async function answer({ question, requestState }: Asked, person: Person): Promise<Message> {
  return { inputResponses: { confirm: await person(question) }, requestState }
}

export function endOf(reply: Message): Ended {
  const { error, result } = reply as { error?: { message: string }; result?: CallResult }
  if (result) return endOfResult(result)
  return { code: errorCodeOf(reply) ?? 'NO CODE', text: error?.message ?? '', data: {} }
}

function endOfResult({ isError, _meta, content, structuredContent }: CallResult): Ended {
  const code = isError ? String(_meta?.code ?? 'NO CODE') : undefined
  return { code, text: content?.[0]?.text ?? '', data: structuredContent ?? {} }
}

function questionOf(params: unknown): string {
  return String((params as { message?: unknown } | undefined)?.message)
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
