// Copied on purpose, as its source is.
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuditLog,
  type AuditRecord,
  AuditUnavailableError,
  type Call,
  createCallLedger,
  openAuditLog,
  parseAuditKey,
} from '@narrow-deputies/guardrails/audit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import type { BackendCall } from './backend.ts'
import { callTool } from './call-tool.ts'
import { CodedError } from './errors.ts'
import { defineTool, type Tool, type ToolDefinition } from './tool.ts'

const Input = z.strictObject({ name: z.string().max(9).meta({ audit: 'clear' }) })
const Output = z.strictObject({ done: z.string().max(9).meta({ audit: 'clear' }) })

type Ports = Record<string, never>
type Definition = ToolDefinition<typeof Input, typeof Output, Ports, string>

/** One call of one tool on a real audit log, and a diary of what happened in which order. */
function setUp(change: Partial<Definition> = {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'call-tool-')))
  const file = join(folder, 'audit.jsonl')
  const key = parseAuditKey('ab'.repeat(32))
  const real = openAuditLog({ file, key, server: 'test' })
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

  const definition = {
    name: 'doIt',
    title: 'Do it',
    summary: 'Does it.',
    worstCase: 'It is done.',
    scope: 'things:do',
    effect: 'read',
    input: Input,
    output: Output,
    guard({ name }: { name: string }) {
      diary.push('guard')
      return name
    },
    async handler(subject: string) {
      diary.push(`handler ${subject}`)
      return { done: subject }
    },
    ...change,
  } as Definition
  const tool: Tool<Ports> = defineTool<Ports>()(definition)

  const caller = { kind: 'os', id: '1000:ann', host: 'desk' } as const
  const ledger = createCallLedger({ log, policyOf: () => tool.audit, caller })
  const openCall = (args: unknown): Call => {
    ledger.arrive({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'doIt', arguments: args } })
    const call = ledger.find(1)
    if (!call) throw new Error('no call was opened')
    return call
  }
  const faults: unknown[] = []
  const controller = new AbortController()

  return {
    diary,
    unwritable,
    faults,
    controller,
    call: (args: unknown = { name: 'it' }, answered = false, scopes?: ReadonlySet<string>) =>
      callTool<Ports>(tool, {
        call: openCall(args),
        args,
        answered,
        ports: {},
        scopes,
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

describe('a call', () => {
  it(`${verifies('P7', 'P8')} goes from the guard onto the record, and only then to the handler`, async () => {
    const { call, diary, records } = setUp()
    expect(await call()).toEqual({ kind: 'done', output: { done: 'it' } })
    expect(diary).toEqual(['guard', 'recorded intent', 'handler it', 'recorded outcome'])
    expect(records()).toMatchObject([
      { event: 'intent', confirmation: 'none', args: { name: 'it' }, effect: 'read' },
      { event: 'outcome', confirmation: 'none', result: { done: 'it' } },
    ])
  })

  it(`${verifies('P7')} hands on who calls and under which trace`, async () => {
    const calls: BackendCall[] = []
    const { call, records, controller } = setUp({
      async handler(subject, _, backendCall) {
        calls.push(backendCall)
        return { done: subject }
      },
    })
    await call()
    const [intent] = records()
    expect(calls).toEqual([
      {
        signal: controller.signal,
        callId: intent?.callId,
        callerId: 'os:1000:ann@desk',
        traceparent: expect.stringMatching(new RegExp(`^00-${intent?.trace?.traceId}-[0-9a-f]{16}-01$`)),
      },
    ])
  })

  it.each<[string, unknown]>([
    ['unknown arguments', { name: 'it', extra: 1 }],
    ['too long', { name: 'x'.repeat(10) }],
    ['of another type', { name: 7 }],
    ['missing', {}],
    ['nothing', null],
    ['a list', []],
  ])(`${verifies('P2', 'P7')} with arguments that are wrong (%s) reaches not even the guard`, async (_, args) => {
    const { call, diary, records } = setUp()
    expect(await call(args)).toMatchObject({ kind: 'failed', error: { code: 'INVALID_INPUT' } })
    expect(diary).toEqual(['recorded denied'])
    expect(records()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' }, confirmation: 'none' }])
  })

  it(`${verifies('P2')} that the guard refuses goes no further`, async () => {
    const { call, diary } = setUp({
      guard: () => {
        throw new CodedError('NOT_FOUND', 'no')
      },
    })
    expect(await call()).toMatchObject({ kind: 'failed', error: { code: 'NOT_FOUND' } })
    expect(diary).toEqual(['recorded denied'])
  })

  it(`${verifies('P12')} has nothing to answer, as nothing is asked`, async () => {
    const { call, diary } = setUp()
    expect(await call({ name: 'it' }, true)).toMatchObject({ error: { code: 'CONFIRMATION_INVALID' } })
    expect(diary).toEqual(['recorded denied'])
  })
})

describe('a call by somebody whose scopes are known', () => {
  it.each([[''], ['things:dos'], ['things:d'], ['THINGS:DO'], ['x:things:do']])(
    `${verifies('P15')} goes no further than its arguments with the scope “%s”`,
    async scope => {
      const { call, diary, records } = setUp()
      const scopes = new Set([scope])
      expect(await call({ name: 'it' }, false, scopes)).toMatchObject({ kind: 'failed', error: { code: 'FORBIDDEN' } })
      expect(diary).toEqual(['recorded denied'])
      expect(records()).toMatchObject([{ event: 'denied', error: { code: 'FORBIDDEN' } }])
    },
  )

  it('is served with the one that it needs', async () => {
    const { call } = setUp()
    const scopes = new Set(['other', 'things:do'])
    expect(await call({ name: 'it' }, false, scopes)).toMatchObject({ kind: 'done' })
  })
})

describe('a call that is cancelled', () => {
  it(`${verifies('P7')} before the handler does nothing`, async () => {
    const { call, diary, controller } = setUp()
    controller.abort()
    expect(await call()).toMatchObject({ error: { code: 'CANCELLED' } })
    expect(diary).toEqual(['guard', 'recorded denied'])
  })

  it(`${verifies('P7')} in the handler is on record as that, with what is known of it`, async () => {
    const { call, controller, records } = setUp({
      async handler() {
        controller.abort()
        throw new CodedError('BACKEND_UNAVAILABLE', 'The backend is down.')
      },
    })
    const error = { code: 'CANCELLED', message: 'The backend is down.' }
    expect(await call()).toMatchObject({ kind: 'failed', error })
    expect(records().at(-1)).toMatchObject({ event: 'outcome', error })
  })

  it('too late is done all the same', async () => {
    const { call, controller } = setUp({
      async handler(subject) {
        controller.abort()
        return { done: subject }
      },
    })
    expect(await call()).toEqual({ kind: 'done', output: { done: 'it' } })
  })
})

describe('a call that cannot be recorded', () => {
  it(`${verifies('P8')} before the handler does not reach it`, async () => {
    const { call, diary, unwritable } = setUp()
    unwritable.add('intent').add('denied')
    expect(await call()).toMatchObject({
      kind: 'failed',
      error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining('Nothing was done.') },
    })
    expect(diary).toEqual(['guard'])
  })

  it(`${verifies('P8')} as a refusal says that, and not why it was refused`, async () => {
    const { call, unwritable } = setUp()
    unwritable.add('denied')
    expect(await call({})).toMatchObject({ error: { code: 'AUDIT_UNAVAILABLE' } })
  })

  it(`${verifies('P8')} after the handler gives no result`, async () => {
    const { call, diary, unwritable } = setUp()
    unwritable.add('outcome')
    expect(await call()).toMatchObject({
      kind: 'failed',
      error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining('The result is withheld.') },
    })
    expect(diary.at(-1)).toBe('handler it')
  })

  it(`${verifies('P8')} after the handler failed says what is known of that`, async () => {
    const { call, unwritable } = setUp({
      async handler() {
        throw new CodedError('BACKEND_UNAVAILABLE', 'The backend is down.')
      },
    })
    unwritable.add('outcome')
    expect(await call()).toMatchObject({
      error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining('The backend is down.') },
    })
  })
})

describe('a fault that nobody foresaw', () => {
  const fault = new Error('at /secret/path with key hunter2')

  it.each<[string, Partial<Definition>, string]>([
    [
      'in the guard',
      {
        guard: () => {
          throw fault
        },
      },
      'denied',
    ],
    ['in the handler', { handler: () => Promise.reject(fault) }, 'outcome'],
  ])(`${verifies('P7', 'P16')} %s is told to the operator alone, and recorded`, async (_, change, event) => {
    const { call, faults, records } = setUp(change)
    const end = await call()
    expect(end).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL' } })
    expect(JSON.stringify([end, records()])).not.toMatch(/secret|hunter2/)
    expect(faults).toEqual([fault])
    expect(records().at(-1)).toMatchObject({ event, error: { code: 'INTERNAL' } })
  })

  it(`${verifies('P7', 'P17')} is a result that breaks its schema: it is not passed on, and the call is on record as run`, async () => {
    for (const result of [{ done: 'x'.repeat(10) }, { done: 'it', extra: 1 }, {}, undefined, null, 'it']) {
      const { call, faults, diary } = setUp({ handler: async () => result as { done: string } })
      expect(await call()).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL' } })
      expect(faults).toHaveLength(1)
      expect(diary.slice(-2)).toEqual(['recorded intent', 'recorded outcome'])
    }
  })

  it('is not what the backend says: that is passed on as it is', async () => {
    const { call, faults, records } = setUp({
      async handler() {
        throw new CodedError('RATE_LIMITED', 'Wait.', { retryAfterSeconds: 7 })
      },
    })
    expect(await call()).toMatchObject({ error: { code: 'RATE_LIMITED', message: 'Wait.', retryAfterSeconds: 7 } })
    expect(faults).toEqual([])
    expect(records().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'RATE_LIMITED', message: 'Wait.' } })
  })
})
