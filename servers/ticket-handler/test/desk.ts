import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, type BackendOptions, startBackend } from '@narrow-deputies/demo-stack'
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

const AUDIT_KEY = '7a'.repeat(32)

/** Two clients as hosts have them, and the bare wire in both eras: each way in which a question can reach a person. */
export const WAYS = ['v1 client', 'v2 client', 'legacy wire', 'modern wire'] as const
export type Way = (typeof WAYS)[number]

export type Person = (question: string) => unknown

export const YES = { action: 'accept', content: { confirm: true } }

/** How a call ended, whichever way it went. */
export interface Ended {
  /** Undefined if it did not fail. */
  readonly code: string | undefined
  readonly text: string
  readonly data: Record<string, unknown>
  readonly retryAfterSeconds: unknown
}

/** A client and the server process that it started. */
export interface Session {
  /** Calls a tool; a question on the way is put to the person. */
  call(tool: string, args: Message): Promise<Ended>
  close(): Promise<void>
}

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

  const start = async (era: Era, capabilities: unknown): Promise<RunningServer> => {
    const server = new RunningServer(ENTRY, env)
    onTestFinished(async () => void (await server.kill('SIGKILL')))
    await server.open(era, capabilities)
    return server
  }
  const openWire = async (era: Era, person?: Person): Promise<Session> => {
    const server = await start(era, person ? { elicitation: {} } : {})
    if (person) server.onRequest = ({ params }) => person(questionOf(params))
    return {
      async call(tool, args) {
        const reply = await server.call(tool, args)
        const { resultType, inputRequests, requestState } = (reply.result ?? {}) as Message
        if (resultType !== 'input_required' || !person) return endOf(reply)
        const { confirm } = inputRequests as { confirm: { params: unknown } }
        const inputResponses = { confirm: await person(questionOf(confirm.params)) }
        return endOf(await server.call(tool, args, { inputResponses, requestState }))
      },
      close: async () => void (await server.end()),
    }
  }
  const openClient = async (line: 'v1' | 'v2', person?: Person): Promise<Session> => {
    const client = await connect(line, ENTRY, env, person && (async question => (await person(question)) as Answer))
    onTestFinished(() => client.close())
    return {
      call: async (tool, args) => endOfResult(await client.callTool(tool, args)),
      close: () => client.close(),
    }
  }

  return {
    backend,
    env,
    trail: new AuditTrail(auditFile, AUDIT_KEY),
    start,
    open(way = 'modern wire', person) {
      if (way === 'v1 client') return openClient('v1', person)
      if (way === 'v2 client') return openClient('v2', person)
      return openWire(way === 'legacy wire' ? 'legacy' : 'modern', person)
    },
  }
}

/** Without seeded records unless told: then every ticket there is one that the test made. */
export async function backendForTest(options: BackendOptions = { seed: false }): Promise<Backend> {
  const backend = await startBackend(options)
  onTestFinished(() => backend.close())
  return backend
}

function endOf(reply: Message): Ended {
  const { error, result } = reply as { error?: { message: string }; result?: CallResult }
  if (result) return endOfResult(result)
  return { code: errorCodeOf(reply) ?? 'NO CODE', text: error?.message ?? '', data: {}, retryAfterSeconds: undefined }
}

function endOfResult({ isError, _meta, content, structuredContent }: CallResult): Ended {
  const code = isError ? String(_meta?.code ?? 'NO CODE') : undefined
  const retryAfterSeconds = _meta?.retryAfterSeconds
  return { code, text: content?.[0]?.text ?? '', data: structuredContent ?? {}, retryAfterSeconds }
}

function questionOf(params: unknown): string {
  return String((params as { message?: unknown } | undefined)?.message)
}

function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ticket-handler-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
