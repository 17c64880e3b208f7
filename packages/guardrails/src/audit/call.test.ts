import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { recordsOf, tempFolder, thrownBy } from '../../test/support.ts'
import { type AuditLog, AuditUnavailableError, openAuditLog } from './audit-log.ts'
import { type Call, denyOrReport, openCall, type ToolPolicy } from './call.ts'
import { parseAuditKey } from './key.ts'
import type { AuditRecord, Caller, Trace } from './record.ts'

const key = parseAuditKey('a1'.repeat(32))
const CALLER: Caller = { kind: 'os', id: 'me', host: 'here' }
const TRACE: Trace = { traceId: 'ab'.repeat(16), source: 'generated' }
const WRITE: ToolPolicy = { effect: 'irreversible', args: { id: 'clear' }, result: { status: 'clear' } }
const REFUSAL = { code: 'DENIED', message: 'not allowed' }

interface Opened {
  readonly call: Call
  readonly log: AuditLog
  /** The records of the call. */
  readonly written: () => AuditRecord[]
  readonly ends: () => number
}

function opened(
  params: Record<string, unknown> = { name: 'write_it', arguments: { id: 7, note: 'x' } },
  file?: string,
  policy: ToolPolicy | undefined = params.name === 'write_it' ? WRITE : undefined,
): Opened {
  const log = openAuditLog({ file: file ?? join(tempFolder(), 'audit.jsonl'), key, server: 'test' })
  let ends = 0
  const call = openCall(log, policy, params, { caller: CALLER, trace: TRACE }, () => {
    ends += 1
  })
  return { call, log, written: () => recordsOf(log.path).slice(1), ends: () => ends }
}

/** The ways to end a call. */
const ENDINGS: Record<string, (call: Call) => void> = {
  'an outcome': call => call.outcome({ result: { status: 'done' } }, 'none'),
  'a failure': call => call.outcome({ error: { code: 'UPSTREAM', message: 'it failed' } }, 'none'),
  'a refusal': call => call.denied(REFUSAL),
  'a question that the next call answers': call => call.asked(true),
}

describe('a call', () => {
  it(`${verifies('P7')} that is abandoned is recorded as denied before its intent, and as cancelled after it`, () => {
    const early = opened()
    early.call.abandoned()
    expect(early.written().map(({ event, error }) => [event, error?.code])).toEqual([['denied', 'CANCELLED']])
    const late = opened()
    late.call.intent('elicited')
    late.call.abandoned()
    expect(late.written().map(({ event, error }) => [event, error?.code])).toEqual([
      ['intent', undefined],
      ['outcome', 'CANCELLED'],
    ])
    expect(late.written()[1]?.confirmation).toBe('elicited')
  })

  it(`${verifies('P7')} has an intent and an outcome with the same id`, () => {
    const { call, written, ends } = opened()
    expect(call.begun).toBe(false)
    call.intent('elicited')
    expect([call.begun, ends()]).toEqual([true, 0])
    call.outcome({ result: { status: 'done', secret: 'x' } }, 'elicited')
    expect(ends()).toBe(1)
    const frame = {
      callId: call.callId,
      tool: 'write_it',
      args: { id: 7, [key.pseudonym('note')]: key.pseudonym('x') },
      effect: 'irreversible',
      confirmation: 'elicited',
      caller: CALLER,
      trace: TRACE,
    }
    const [intent, outcome, ...more] = written()
    expect(intent).toMatchObject({ ...frame, event: 'intent' })
    expect(intent).not.toHaveProperty('durationMs')
    expect(outcome).toMatchObject({
      ...frame,
      event: 'outcome',
      result: { status: 'done', [key.pseudonym('secret')]: key.pseudonym('x') },
      durationMs: expect.any(Number),
    })
    expect(more).toEqual([])
  })

  it.each(Object.entries(ENDINGS))(`${verifies('P7')} ends once with %s`, (_, end) => {
    const { call, written, ends } = opened()
    end(call)
    expect(ends()).toBe(1)
    expect(written()).toMatchObject([{ callId: call.callId, durationMs: expect.any(Number) }])
    expect(written()[0]?.event).toMatch(/^(outcome|denied|confirm)$/)
  })

  for (const [first, end] of Object.entries(ENDINGS))
    for (const [second, endAgain] of Object.entries(ENDINGS))
      it(`${verifies('P7')} that ended with ${first} cannot end with ${second}`, () => {
        const { call, written, ends } = opened()
        end(call)
        expect(thrownBy(() => endAgain(call))).not.toBeInstanceOf(AuditUnavailableError)
        expect(ends()).toBe(1)
        expect(written()).toHaveLength(1)
      })

  it.each(Object.entries(ENDINGS))(
    `${verifies('P7')} that ended with %s has no further intent and asks no question`,
    (_, end) => {
      const { call, written } = opened()
      end(call)
      // A handler that still runs after its call was abandoned must not act.
      expect(() => call.intent('waived')).toThrow()
      expect(() => call.asked(false)).toThrow()
      expect(written()).toHaveLength(1)
    },
  )

  it(`${verifies('P7')} continues after a question that is answered within the call`, () => {
    const { call, written, ends } = opened()
    call.asked(false)
    expect(ends()).toBe(0)
    call.denied(REFUSAL, 'declined')
    expect(written()).toMatchObject([
      { event: 'confirm', confirmation: 'none' },
      { event: 'denied', confirmation: 'declined', error: REFUSAL },
    ])
    // Only a record that ends the call has a duration, which distinguishes the two kinds of questions.
    expect(written()[0]).not.toHaveProperty('durationMs')
  })

  it('joins the trace of the call that asked, unless its caller claims a trace', () => {
    const other = 'cd'.repeat(16)
    const { call, log, written } = opened()
    call.continueTrace(other)
    expect(call.trace).toEqual({ traceId: other, source: 'generated' })
    call.denied(REFUSAL)
    expect(written()[0]?.trace?.traceId).toBe(other)
    const trace: Trace = { traceId: 'ef'.repeat(16), parentId: '01'.repeat(8), source: 'claimed' }
    const claimed = openCall(log, WRITE, {}, { caller: CALLER, trace }, () => {})
    claimed.continueTrace(other)
    expect(claimed.trace).toEqual(trace)
  })

  it.each([
    ['a sentence', 'please read it'],
    ['49 letters', 'a'.repeat(49)],
    ['a key', 'nd_demo_crm_8f3a0c'],
    ['a path', '../read_it'],
    ['a line break', 'read_it\n'],
    ['a digit first', '4111111111111111'],
    ['nothing', ''],
  ])(`${verifies('P11')} records a tool name that is %s as a pseudonym`, (_, name) => {
    const { call, written } = opened({ name })
    call.denied(REFUSAL)
    expect(written()[0]?.tool).toBe(key.pseudonym(name))
  })

  it.each([undefined, null, 7, true, ['write_it'], { name: 'write_it' }])(
    `${verifies('P7', 'P11')} records no tool name if it is %j`,
    name => {
      const { call, written } = opened({ name })
      call.denied(REFUSAL)
      expect(written()[0]).not.toHaveProperty('tool')
    },
  )
})

describe('the records of a call', () => {
  /** Opens a call on a log that notes how each record is given to it. */
  const noted = (policy: ToolPolicy | undefined, isFull = false) => {
    const notes: { how: string; event: string; durable?: boolean | undefined }[] = []
    const real = openAuditLog({ file: join(tempFolder(), 'audit.jsonl'), key, server: 'test' })
    const note = (given: (typeof notes)[number]): void => {
      notes.push(given)
      if (isFull) throw new AuditUnavailableError('the audit log cannot be written')
    }
    const log: AuditLog = {
      ...real,
      append: ({ event }, options) => note({ how: 'append', event, durable: options?.durable }),
      report: ({ event }) => note({ how: 'report', event }),
    }
    return { call: openCall(log, policy, { name: 'write_it' }, { caller: CALLER, trace: TRACE }, () => {}), notes }
  }

  it.each<[string, ToolPolicy | undefined, boolean]>([
    ['a tool with an irreversible effect', WRITE, true],
    ['a tool with a reversible effect', { ...WRITE, effect: 'reversible' }, true],
    ['a tool that reads', { ...WRITE, effect: 'read' }, false],
    ['an unknown tool', undefined, true],
  ])(`${verifies('P8', 'P9')} have an intent that is durable as it should be, for %s`, (_, policy, durable) => {
    const { call, notes } = noted(policy)
    call.intent('none')
    expect(notes).toEqual([{ how: 'append', event: 'intent', durable }])
  })

  it(`${verifies('P7', 'P8')} are kept at its end if they cannot be written, but not before`, () => {
    for (const [event, how, act] of [
      ['intent', 'append', call => call.intent('none')],
      ['confirm', 'append', call => call.asked(false)],
      ['confirm', 'append', call => call.asked(true)],
      ['outcome', 'report', call => call.outcome({ result: {} }, 'none')],
      ['denied', 'report', call => call.denied(REFUSAL)],
      ['denied', 'report', call => call.abandoned()],
    ] satisfies [string, string, (call: Call) => void][]) {
      const { call, notes } = noted(WRITE, true)
      expect(() => act(call)).toThrow(AuditUnavailableError)
      expect(notes).toMatchObject([{ how, event }])
    }
  })

  it('say how long the call took, in milliseconds with three digits', () => {
    vi.spyOn(performance, 'now').mockReturnValueOnce(1_000).mockReturnValueOnce(1_012.3456)
    const { call, written } = opened()
    call.denied(REFUSAL)
    vi.mocked(performance.now).mockRestore()
    expect(written()).toMatchObject([{ durationMs: 12.346, confirmation: 'none' }])
  })

  it(`${verifies('P11')} have no arguments in clear if the tool is unknown, and none if the call has none`, () => {
    const { call, written } = opened({ name: 'unknown', arguments: { id: 7 } })
    call.denied(REFUSAL)
    expect(written()[0]?.args).toEqual({ [key.pseudonym('id')]: key.pseudonym('7') })
    expect(written()[0]).not.toHaveProperty('effect')
    const without = opened({ name: 'write_it' })
    without.call.denied(REFUSAL)
    expect(without.written()[0]).not.toHaveProperty('args')
  })

  it('have the name of the tool in clear if the tool exists or the name looks like one', () => {
    for (const [name, policy] of [
      ['tool_2', WRITE],
      ['a'.repeat(48), undefined],
      ['A.b-c_d', undefined],
    ] as const) {
      const { call, written } = opened({ name }, undefined, policy)
      call.denied(REFUSAL)
      expect(written()[0]?.tool).toBe(name)
    }
  })
})

describe('a call that cannot be recorded', () => {
  const full = (): Opened => opened(undefined, '/dev/full')

  it(`${verifies('P8')} must neither act nor ask`, context => {
    context.skip(!existsSync('/dev/full'), 'this system has no /dev/full')
    const { call, ends } = full()
    expect(() => call.intent('none')).toThrow(AuditUnavailableError)
    expect(call.begun).toBe(false)
    expect(() => call.asked(false)).toThrow(AuditUnavailableError)
    expect(() => call.asked(true)).toThrow(AuditUnavailableError)
    // The call is still open, because its end has to be reported.
    expect(ends()).toBe(0)
  })

  it(`${verifies('P7', 'P8')} ends nevertheless, and only once`, context => {
    context.skip(!existsSync('/dev/full'), 'this system has no /dev/full')
    const { call, ends } = full()
    expect(() => call.outcome({ result: {} }, 'none')).toThrow(AuditUnavailableError)
    expect(ends()).toBe(1)
    expect(thrownBy(() => call.denied(REFUSAL))).not.toBeInstanceOf(AuditUnavailableError)
  })

  it(`${verifies('P8')} is denied with AUDIT_UNAVAILABLE`, context => {
    context.skip(!existsSync('/dev/full'), 'this system has no /dev/full')
    expect(denyOrReport(full().call, REFUSAL)).toMatchObject({ code: 'AUDIT_UNAVAILABLE' })
    expect(denyOrReport(opened().call, REFUSAL)).toBe(REFUSAL)
    const { call } = opened()
    call.denied(REFUSAL)
    expect(() => denyOrReport(call, REFUSAL)).toThrow('ended twice')
  })
})
