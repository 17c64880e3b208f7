import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { type Caller, type CallLedger, createCallLedger } from '#guardrails/audit'
import { memoryAuditLog } from '../../test/remote/memory-audit-log.ts'
import { createCallsInFlight } from './calls-in-flight.ts'

const MAX_PER_CALLER = 64
const ADA: Caller = { kind: 'oauth', id: 'ada', host: '192.0.2.7', clientId: 'app' }
const BEN: Caller = { ...ADA, id: 'ben' }

function open() {
  const log = memoryAuditLog()
  const calls = createCallsInFlight((caller, onEnd) =>
    createCallLedger({ log, policyOf: () => ({ effect: 'read', args: {}, result: {} }), caller, onEnd }),
  )
  /** Begins a call. Returns what ends it. */
  const begin = (ledger: CallLedger, id: number): (() => void) => {
    expect(ledger.arrive({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'a' } })).toBeUndefined()
    calls.opened(ledger)
    return () => ledger.find(id)?.denied({ code: 'FORBIDDEN', message: 'no' })
  }
  return { log, calls, begin }
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return await Promise.race([promise.then(() => true), pause(40).then(() => false)])
}

describe('calls in flight', () => {
  it(`${verifies('P16')} of one caller are 64 at most, over all connections and programs`, () => {
    const { calls, begin } = open()
    const ledgers = ['app', 'other', undefined].map(clientId =>
      calls.ledgerOf({ ...ADA, ...(clientId !== undefined && { clientId }) }),
    )
    const ends: (() => void)[] = []
    for (let id = 0; id < MAX_PER_CALLER; id += 1) {
      expect(calls.hasRoom(ADA)).toBe(true)
      ends.push(begin(ledgers[id % 3] as CallLedger, id))
    }
    for (const clientId of ['app', 'other', 'third']) expect(calls.hasRoom({ ...ADA, clientId })).toBe(false)
    expect(calls.hasRoom(BEN)).toBe(true)
    ends[10]?.()
    expect(calls.hasRoom(ADA)).toBe(true)
    begin(calls.ledgerOf(ADA), 0)
    expect(calls.hasRoom(ADA)).toBe(false)
  })

  it('are reported to their connection when they end, and to no other', () => {
    const { calls, begin } = open()
    const [first, second] = [vi.fn(), vi.fn()]
    const end = begin(calls.ledgerOf(ADA, first), 7)
    begin(calls.ledgerOf(ADA, second), 7)
    end()
    expect(first.mock.calls).toEqual([[7]])
    expect(second).not.toHaveBeenCalled()
  })

  it('are waited for until the last one has ended', async () => {
    const { calls, begin } = open()
    const ends = [begin(calls.ledgerOf(ADA), 1), begin(calls.ledgerOf(BEN), 1)]
    const idle = calls.idle(60_000)
    expect(await isSettled(idle)).toBe(false)
    ends[0]?.()
    expect(await isSettled(idle)).toBe(false)
    ends[1]?.()
    expect(await isSettled(idle)).toBe(true)
  })

  it('are not waited for if there are none', async () => {
    const { calls } = open()
    calls.ledgerOf(ADA)
    expect(await isSettled(calls.idle(60_000))).toBe(true)
  })

  it('include what may become a call, whether or not it succeeds', async () => {
    const { calls } = open()
    let arrive = (): void => {}
    let fail = (_: Error): void => {}
    const arriving = calls.arriving(() => new Promise<void>(resolve => (arrive = resolve)))
    const broken = calls.arriving(() => new Promise<void>((_, reject) => (fail = reject)))
    const idle = calls.idle(60_000)
    expect(await isSettled(idle)).toBe(false)
    arrive()
    await arriving
    expect(await isSettled(idle)).toBe(false)
    fail(new Error('broken off'))
    await expect(broken).rejects.toThrow('broken off')
    expect(await isSettled(idle)).toBe(true)
    expect(await calls.arriving(async () => 'a value')).toBe('a value')
  })

  it(`${verifies('P16')} are not waited for any longer than told`, async () => {
    const { calls, begin } = open()
    begin(calls.ledgerOf(ADA), 1)
    const began = performance.now()
    await calls.idle(100)
    const waited = performance.now() - began
    expect(waited).toBeGreaterThanOrEqual(95)
    expect(waited).toBeLessThan(1_000)
  })

  it(`${verifies('P7')} are all ended on record when they are abandoned`, async () => {
    const { log, calls, begin } = open()
    const ada = calls.ledgerOf(ADA)
    begin(ada, 1)
    begin(ada, 2)
    ada.find(2)?.intent('none')
    begin(calls.ledgerOf(BEN), 1)
    calls.abandon()
    expect(log.entries.map(({ event, caller, error }) => [event, caller?.id, error?.code])).toEqual([
      ['intent', 'ada', undefined],
      ['denied', 'ada', 'CANCELLED'],
      ['outcome', 'ada', 'CANCELLED'],
      ['denied', 'ben', 'CANCELLED'],
    ])
    expect(calls.hasRoom(ADA)).toBe(true)
    expect(await isSettled(calls.idle(60_000))).toBe(true)
    calls.abandon()
    expect(log.entries).toHaveLength(4)
  })
})
