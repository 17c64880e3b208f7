import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
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
  /** What the call wrote. */
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

/** What each way to end a call writes. */
const ENDINGS: Record<string, (call: Call) => void> = {
  'an outcome': call => call.outcome({ result: { status: 'done' } }, 'none'),
  'a failure': call => call.outcome({ error: { code: 'UPSTREAM', message: 'it failed' } }, 'none'),
  'a refusal': call => call.denied(REFUSAL),
  'a question that the next call answers': call => call.asked(true),
}

describe('a call', () => {
  it(`${verifies('P7')} is abandoned as refused before its intent, as cancelled after it`, () => {
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

  it(`${verifies('P7')} writes what it intends and how it ends, under one id`, () => {
    const { call, written, ends } = opened()
    call.intent('elicited')
    expect(ends()).toBe(0)
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

  it.each(Object.entries(ENDINGS))(`${verifies('P7')} ends by %s, once`, (_, end) => {
    const { call, written, ends } = opened()
    end(call)
    expect(ends()).toBe(1)
    expect(written()).toMatchObject([{ callId: call.callId, durationMs: expect.any(Number) }])
    expect(written()[0]?.event).toMatch(/^(outcome|denied|confirm)$/)
  })

  for (const [first, end] of Object.entries(ENDINGS))
    for (const [second, endAgain] of Object.entries(ENDINGS))
      it(`${verifies('P7')} that ended by ${first} cannot end by ${second}`, () => {
        const { call, written, ends } = opened()
        end(call)
        expect(thrownBy(() => endAgain(call))).not.toBeInstanceOf(AuditUnavailableError)
        expect(ends()).toBe(1)
        expect(written()).toHaveLength(1)
      })

  it.each(Object.entries(ENDINGS))(`${verifies('P7')} that ended by %s can intend and ask nothing more`, (_, end) => {
    const { call, written } = opened()
    end(call)
    // A handler that still runs when its call is given up must learn that it may not act.
    expect(() => call.intent('waived')).toThrow()
    expect(() => call.asked(false)).toThrow()
    expect(written()).toHaveLength(1)
  })

  it(`${verifies('P7')} goes on after a question that is answered within it`, () => {
    const { call, written, ends } = opened()
    call.asked(false)
    expect(ends()).toBe(0)
    call.denied(REFUSAL, 'declined')
    expect(written()).toMatchObject([
      { event: 'confirm', confirmation: 'none' },
      { event: 'denied', confirmation: 'declined', error: REFUSAL },
    ])
    // What is not the end of a call has no duration: a reader tells the two kinds of question apart by it.
    expect(written()[0]).not.toHaveProperty('durationMs')
  })

  it('takes over the trace of the call that asked, but not from one that its caller claims', () => {
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
  ])(`${verifies('P11')} writes a tool's name that is %s as a pseudonym`, (_, name) => {
    const { call, written } = opened({ name })
    call.denied(REFUSAL)
    expect(written()[0]?.tool).toBe(key.pseudonym(name))
  })

  it.each([undefined, null, 7, true, ['write_it'], { name: 'write_it' }])(
    `${verifies('P7', 'P11')} leaves out a tool's name that is %j`,
    name => {
      const { call, written } = opened({ name })
      call.denied(REFUSAL)
      expect(written()[0]).not.toHaveProperty('tool')
    },
  )
})

describe('a call that cannot be recorded', () => {
  const full = (): Opened => opened(undefined, '/dev/full')

  it(`${verifies('P8')} may neither act nor ask`, context => {
    context.skip(!existsSync('/dev/full'), 'this system has no /dev/full')
    const { call, ends } = full()
    expect(() => call.intent('none')).toThrow(AuditUnavailableError)
    expect(() => call.asked(false)).toThrow(AuditUnavailableError)
    expect(() => call.asked(true)).toThrow(AuditUnavailableError)
    // It goes on: it has to be told how it ended.
    expect(ends()).toBe(0)
  })

  it(`${verifies('P7', 'P8')} ends all the same, once`, context => {
    context.skip(!existsSync('/dev/full'), 'this system has no /dev/full')
    const { call, ends } = full()
    expect(() => call.outcome({ result: {} }, 'none')).toThrow(AuditUnavailableError)
    expect(ends()).toBe(1)
    expect(thrownBy(() => call.denied(REFUSAL))).not.toBeInstanceOf(AuditUnavailableError)
  })

  it(`${verifies('P8')} is denied with the reason that it cannot be recorded`, context => {
    context.skip(!existsSync('/dev/full'), 'this system has no /dev/full')
    expect(denyOrReport(full().call, REFUSAL)).toMatchObject({ code: 'AUDIT_UNAVAILABLE' })
    expect(denyOrReport(opened().call, REFUSAL)).toBe(REFUSAL)
    const { call } = opened()
    call.denied(REFUSAL)
    expect(() => denyOrReport(call, REFUSAL)).toThrow('ended twice')
  })
})
