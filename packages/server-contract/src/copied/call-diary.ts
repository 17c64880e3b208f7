import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuditLog,
  type AuditRecord,
  AuditUnavailableError,
  type Call,
  createCallLedger,
  type Effect,
  openAuditLog,
  parseAuditKey,
  type ToolPolicy,
} from '@narrow-deputies/guardrails/audit'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import type { ErrorCode } from '../error-codes.ts'
import type { BackendCall } from './backend-call.ts'
import type { Question } from './confirm/question.ts'

const Input = z.strictObject({ name: z.string().max(9).meta({ audit: 'clear' }) })
const Output = z.strictObject({ done: z.string().max(9).meta({ audit: 'clear' }) })

type Ports = Record<string, never>

/** A tool that does one thing, in the words that every copy of `tool.ts` has. */
interface Definition {
  readonly name: string
  readonly title: string
  readonly summary: string
  readonly worstCase: string
  readonly scope: string
  readonly effect: Effect
  readonly input: typeof Input
  readonly output: typeof Output
  guard(input: { name: string }, ports: Ports): string
  digest(subject: string): string
  confirm(subject: string): string
  handler(subject: string, ports: Ports, call: BackendCall): Promise<{ done: string }>
}
export type Change = Partial<Definition>

type Reply = 'accepted' | { reply: string }

interface Asker {
  readonly answered: boolean
  ask(question: Question): Promise<Reply>
}

/** What is known of one call. A server that asks nothing looks at `answered`, and not at `asker` and `mustAsk`. */
interface Request {
  readonly call: Call
  readonly args: unknown
  readonly ports: Ports
  readonly scopes: ReadonlySet<string> | undefined
  readonly answered: boolean
  readonly asker: Asker
  readonly mustAsk: boolean
  readonly cancelled: AbortSignal
  readonly onFault: (fault: unknown) => void
}

/** A server's own `call-tool.ts`, with its own `tool.ts` and `errors.ts`. */
export interface Copy {
  // What a tool is, only the copies know: each has a type of its own for it.
  readonly callTool: (tool: never, request: Request) => Promise<{ readonly kind: 'done' | 'failed' | 'asked' }>
  readonly defineTool: () => (definition: never) => { readonly audit: ToolPolicy }
  readonly CodedError: new (code: ErrorCode, message: string, options?: { retryAfterSeconds?: number }) => Error
  /** What its tools can be. The first is what a tool is here unless a test says otherwise: the most that it can be. */
  readonly effects: readonly [Effect, ...Effect[]]
}

/** One call of one tool of a copy on a real audit log, and a diary of what happened in which order. */
export function openDiary({ callTool, defineTool, effects }: Copy, change: Change = {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'call-tool-')))
  const file = join(folder, 'audit.jsonl')
  const real = openAuditLog({ file, key: parseAuditKey('ab'.repeat(32)), server: 'test' })
  onTestFinished(() => {
    real.close()
    rmSync(folder, { recursive: true })
  })
  const diary: string[] = []
  const unwritable = new Set<string>()
  const guarded = (entry: { event: string }, write: () => void): void => {
    if (unwritable.has(entry.event)) throw new AuditUnavailableError('full')
    write()
    diary.push(`recorded ${entry.event}`)
  }
  const log: AuditLog = {
    ...real,
    append: (entry, options) => guarded(entry, () => real.append(entry, options)),
    report: entry => guarded(entry, () => real.report(entry)),
  }

  const definition: Definition = {
    name: 'doIt',
    title: 'Do it',
    summary: 'Does it.',
    worstCase: 'It is done.',
    scope: 'things:do',
    effect: effects[0],
    input: Input,
    output: Output,
    guard({ name }) {
      diary.push('guard')
      return name
    },
    digest: subject => `digest of ${subject}`,
    confirm: subject => `Do ${subject}?`,
    async handler(subject) {
      diary.push(`handler ${subject}`)
      return { done: subject }
    },
    ...change,
  }
  const tool = defineTool()(definition as never)

  const caller = { kind: 'os', id: '1000:ann', host: 'desk' } as const
  const ledger = createCallLedger({ log, policyOf: () => tool.audit, caller })
  const openCall = (args: unknown): Call => {
    ledger.arrive({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'doIt', arguments: args } })
    const call = ledger.find(1)
    if (!call) throw new Error('no call was opened')
    return call
  }
  const questions: Question[] = []
  const askerOf = (answer: () => Reply, answered = false): Asker => ({
    answered,
    async ask(question) {
      diary.push('ask')
      questions.push(question)
      return answer()
    },
  })
  const faults: unknown[] = []
  const controller = new AbortController()

  return {
    diary,
    unwritable,
    questions,
    faults,
    controller,
    askerOf,
    call: (
      args: unknown = { name: 'it' },
      { asker = askerOf(() => 'accepted'), mustAsk = true, scopes = undefined as ReadonlySet<string> | undefined } = {},
    ) =>
      callTool(tool as never, {
        call: openCall(args),
        args,
        ports: {},
        scopes,
        answered: asker.answered,
        asker,
        mustAsk,
        cancelled: controller.signal,
        onFault: fault => faults.push(fault),
      }),
    records: () =>
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as AuditRecord)
        .filter(({ callId }) => callId !== undefined),
  }
}
