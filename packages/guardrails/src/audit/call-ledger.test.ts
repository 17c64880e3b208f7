import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordsOf, tempFolder } from '../../test/support.ts'
import { type AuditLog, openAuditLog } from './audit-log.ts'
import type { ToolPolicy } from './call.ts'
import { type CallLedger, createCallLedger } from './call-ledger.ts'
import type { JsonRpc } from './json-rpc.ts'
import { parseAuditKey } from './key.ts'
import type { AuditRecord, Caller } from './record.ts'

const key = parseAuditKey('a1'.repeat(32))
const CALLER: Caller = { kind: 'os', id: 'me', host: 'here' }
const CANARY = 'canary 4f1d'
const POLICIES = new Map<string, ToolPolicy>([
  ['read_it', { effect: 'read', args: { id: 'clear' }, result: {} }],
  ['write_it', { effect: 'irreversible', args: { text: 'pseudonym' }, result: { id: 'clear' } }],
])

interface World {
  readonly ledger: CallLedger
  readonly log: AuditLog
  /** What the calls wrote. */
  readonly written: () => AuditRecord[]
}

function world(file = join(tempFolder(), 'audit.jsonl')): World {
  const log = openAuditLog({ file, key, server: 'test' })
  const ledger = createCallLedger({ log, policyOf: tool => POLICIES.get(tool), caller: CALLER })
  return { ledger, log, written: () => recordsOf(log.path).filter(record => record.event !== 'start') }
}

const callOf = (id: unknown, params: unknown = { name: 'read_it', arguments: { id: 7 } }): JsonRpc => ({
  jsonrpc: '2.0',
  method: 'tools/call',
  ...(id !== undefined && { id }),
  ...(params !== undefined && { params }),
})

const isTerminal = ({ event, durationMs }: AuditRecord): boolean =>
  event === 'outcome' || event === 'denied' || (event === 'confirm' && durationMs !== undefined)

/** That each call has one terminal record, its last one. How many calls there are. */
function expectEachEnded(records: readonly AuditRecord[]): number {
  const calls = new Map<string, AuditRecord[]>()
  for (const record of records) {
    const { callId = 'none' } = record
    calls.set(callId, [...(calls.get(callId) ?? []), record])
  }
  expect(calls.has('none')).toBe(false)
  for (const ofOne of calls.values()) {
    expect(ofOne.filter(isTerminal)).toHaveLength(1)
    expect(ofOne.findLastIndex(isTerminal)).toBe(ofOne.length - 1)
  }
  return calls.size
}

const invalid = (id: string | number | null, code = -32600): unknown => ({
  jsonrpc: '2.0',
  id,
  error: {
    code,
    message: expect.stringMatching(/^INVALID_INPUT: /),
    data: expect.objectContaining({ code: 'INVALID_INPUT' }),
  },
})

describe('a message that arrives', () => {
  it(`${verifies('P7')} is passed on if it is a call, and found by its id until the call ends`, async () => {
    const { ledger, written } = world()
    expect(ledger.arrive(callOf(1))).toBeUndefined()
    expect(ledger.arrive(callOf('1', { name: 'write_it', arguments: {} }))).toBeUndefined()
    const [number, text] = [ledger.find(1), ledger.find('1')]
    expect(number?.callId).not.toBe(text?.callId)
    expect(await ledger.idle(1)).toBe(false)
    number?.intent('none')
    number?.outcome({ result: { x: 1 } }, 'none')
    text?.denied({ code: 'DENIED', message: 'no' })
    expect([ledger.find(1), ledger.find('1')]).toEqual([undefined, undefined])
    expect(await ledger.idle(0)).toBe(true)
    expect(expectEachEnded(written())).toBe(2)
    // The id is free again.
    expect(ledger.arrive(callOf(1))).toBeUndefined()
    expect(ledger.find(1)).toBeDefined()
  })

  it('is passed on and not recorded if it is anything else', () => {
    const { ledger, written } = world()
    for (const message of [
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      { jsonrpc: '2.0', id: 1, method: 'initialize', params: 7 },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
      { jsonrpc: '2.0', id: 1, result: {} },
      { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } },
    ] satisfies JsonRpc[])
      expect(ledger.arrive(message)).toBeUndefined()
    expect(written()).toEqual([])
  })

  it.each([undefined, null, 1.5, Number.MAX_SAFE_INTEGER + 1, true, {}, [1]])(
    `${verifies('P7')} is denied and not answered if it is a call with the id %j`,
    id => {
      const { ledger, written } = world()
      expect(ledger.arrive(callOf(id))).toBeNull()
      expect(written()).toMatchObject([{ event: 'denied', tool: 'read_it', error: { code: 'INVALID_INPUT' } }])
    },
  )

  it(`${verifies('P7')} is denied if it is a call whose id is still in use, and does not disturb the first`, () => {
    const { ledger, written } = world()
    ledger.arrive(callOf('a'))
    const first = ledger.find('a')
    expect(ledger.arrive(callOf('a', { name: 'write_it' }))).toEqual(invalid('a'))
    expect(ledger.find('a')).toBe(first)
    first?.outcome({ result: {} }, 'none')
    expect(written().map(record => [record.event, record.tool])).toEqual([
      ['denied', 'write_it'],
      ['outcome', 'read_it'],
    ])
    expect(expectEachEnded(written())).toBe(2)
  })

  it.each([
    ['no params', undefined],
    ['null', null],
    ['a number', 7],
    ['text', CANARY],
    ['a list', [CANARY]],
    ['no name', {}],
    ['a name that is a number', { name: 7 }],
    ['a name that is an object', { name: { toString: CANARY } }],
    ['a long name', { name: CANARY.repeat(100_000) }],
    ['arguments that are text', { name: 'write_it', arguments: CANARY }],
    ['arguments that are a list', { name: 'write_it', arguments: [CANARY] }],
    ['arguments that are null', { name: 'write_it', arguments: null }],
    ['a field of a wrong type', { name: 'write_it', arguments: { text: { [CANARY]: [CANARY] } } }],
    ['a trace that is none', { name: 'write_it', _meta: { traceparent: { x: CANARY } } }],
    ['meta data that are text', { name: 'write_it', _meta: CANARY }],
    ['a prototype', JSON.parse(`{"name":"write_it","__proto__":{"x":1},"arguments":{"__proto__":"${CANARY}"}}`)],
  ])(`${verifies('P7', 'P11')} is on record if it is a call with %s, and gives nothing away`, (_, params) => {
    const { ledger, log, written } = world()
    expect(ledger.arrive(callOf(1, params))).toBeUndefined()
    const reply = ledger.answer({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: `Invalid ${CANARY}` } })
    expect(reply).toEqual(invalid(1, -32602))
    expect(JSON.stringify(reply)).not.toContain(CANARY)
    expect(ledger.find(1)).toBeUndefined()
    expect(expectEachEnded(written())).toBe(1)
    expect(readFileSync(log.path, 'utf8')).not.toContain(CANARY)
  })

  it('brings the client that greeted us, or the one that the call itself names', () => {
    const { ledger, written } = world()
    ledger.arrive({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { clientInfo: { name: 'one', version: '1' } },
    })
    ledger.arrive(callOf(1))
    const meta = { 'io.modelcontextprotocol/clientInfo': { name: 'two', version: '2' } }
    ledger.arrive(callOf(2, { name: 'read_it', _meta: meta }))
    for (const id of [1, 2]) ledger.find(id)?.outcome({ result: {} }, 'none')
    expect(written().map(record => record.caller)).toEqual([
      { ...CALLER, client: { name: 'one', version: '1' } },
      { ...CALLER, client: { name: 'two', version: '2' } },
    ])
  })

  it(`${verifies('P11')} brings a client's name without what could disturb a terminal, and bounded`, () => {
    const { ledger, written } = world()
    const clientInfo = { name: `a\u001b[31m\u202e\u2028\u200b\ud800${'b'.repeat(1000)}`, version: '\n1\0' }
    ledger.arrive({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { clientInfo } })
    ledger.arrive(callOf(1))
    ledger.find(1)?.outcome({ result: {} }, 'none')
    const client = written()[0]?.caller?.client
    expect(client?.name).toMatch(/^a\[31mb+$/)
    expect(client?.name.length).toBeLessThanOrEqual(80)
    expect(client?.version).toBe('1')
    // Who has said who it is stays that.
    ledger.arrive({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { clientInfo: { name: 'x', version: '2' } } })
    ledger.arrive(callOf(1))
    ledger.find(1)?.outcome({ result: {} }, 'none')
    expect(written()[1]?.caller?.client).toEqual(client)
  })

  it.each([[undefined], [null], [7], [[]], [{ name: 'x' }], [{ name: 7, version: '1' }]])(
    'brings no client that is called %j',
    bad => {
      const { ledger, written } = world()
      ledger.arrive({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { clientInfo: bad } })
      ledger.arrive(callOf(1))
      ledger.find(1)?.outcome({ result: {} }, 'none')
      expect(written()[0]?.caller).toEqual(CALLER)
    },
  )

  it('brings the address that it came from, if that is another than the others’', () => {
    const { ledger, written } = world()
    ledger.arrive(callOf(1), { host: '192.0.2.7' })
    ledger.find(1)?.outcome({ result: {} }, 'none')
    expect(written()[0]?.caller).toEqual({ ...CALLER, host: '192.0.2.7' })
  })

  it(`${verifies('P7')} cannot take the id of a call that is open, whatever it asks for: its reply would end the call`, () => {
    const { ledger, written } = world()
    ledger.arrive(callOf(7))
    const ping: JsonRpc = { jsonrpc: '2.0', id: 7, method: 'ping' }
    expect(ledger.arrive(ping)).toMatchObject({ id: 7, error: { data: { code: 'INVALID_INPUT' } } })
    expect(ledger.arrive({ ...ping, id: 8 })).toBeUndefined()
    // An answer of the client's is no request: ids of the other side are another matter.
    expect(ledger.arrive({ jsonrpc: '2.0', id: 7, result: {} })).toBeUndefined()
    expect(written()).toEqual([])
    ledger.find(7)?.intent('none')
    // And should something answer it all the same, what the handler does is what is on record.
    const stray: JsonRpc = { jsonrpc: '2.0', id: 7, result: {} }
    expect(ledger.answer(stray)).toBe(stray)
    ledger.find(7)?.outcome({ result: {} }, 'none')
    expect(written().map(({ event }) => event)).toEqual(['intent', 'outcome'])
  })

  it(`${verifies('P16')} has an id that somebody can keep`, () => {
    const { ledger, written } = world()
    expect(ledger.arrive(callOf('x'.repeat(256)))).toBeUndefined()
    expect(ledger.arrive(callOf('x'.repeat(257)))).toBeNull()
    expect(written()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' } }])
  })

  it('brings the trace that it claims', () => {
    const { ledger, written } = world()
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`
    ledger.arrive(callOf(1, { name: 'read_it', _meta: { traceparent } }))
    ledger.find(1)?.outcome({ result: {} }, 'none')
    expect(written()[0]?.trace).toEqual({ traceId: 'ab'.repeat(16), parentId: 'cd'.repeat(8), source: 'claimed' })
  })
})

describe('a message that the transport refuses', () => {
  const REASON = 'a fixed reason'

  it.each<[string, unknown]>([
    ['text that is no JSON', undefined],
    ['a number', 7],
    ['null', null],
    ['a batch', [callOf(1), callOf(2)]],
    ['an object without a method', { jsonrpc: '2.0', id: 1, params: { name: CANARY } }],
    ['a method that is no text', { jsonrpc: '2.0', id: 1, method: { x: CANARY } }],
  ])(`${verifies('P7', 'P11')} is recorded and answered if it is %s, as it may have been a call`, (_, message) => {
    const { ledger, log, written } = world()
    const fault = message === undefined ? { reason: REASON } : { message, reason: REASON }
    expect(ledger.refuse(fault)).toEqual(invalid(null, -32700))
    expect(written()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT', message: REASON } }])
    expect(readFileSync(log.path, 'utf8')).not.toContain(CANARY)
  })

  it(`${verifies('P7')} is recorded as a call if it is one`, () => {
    const { ledger, written } = world()
    expect(ledger.refuse({ message: { ...callOf(1), jsonrpc: '1.0' }, reason: REASON })).toEqual(invalid(1))
    expect(ledger.refuse({ message: callOf(null), reason: REASON })).toEqual(invalid(null, -32700))
    expect(ledger.refuse({ message: callOf(undefined, CANARY), reason: REASON })).toEqual(invalid(null, -32700))
    expect(written().map(record => [record.event, record.tool])).toEqual([
      ['denied', 'read_it'],
      ['denied', 'read_it'],
      ['denied', undefined],
    ])
    expect(expectEachEnded(written())).toBe(3)
  })

  it('is answered without a record if it is another request, and not at all if it is none', () => {
    const { ledger, written } = world()
    expect(ledger.refuse({ message: { id: 1, method: 'tools/list' }, reason: REASON })).toEqual(invalid(1))
    expect(ledger.refuse({ message: { method: 'notifications/x' }, reason: REASON })).toBeNull()
    expect(ledger.refuse({ message: { id: 1, result: {} }, reason: REASON })).toBeNull()
    expect(ledger.refuse({ message: { id: 1, error: 'x' }, reason: REASON })).toBeNull()
    expect(written()).toEqual([])
  })

  it(`${verifies('P7')} does not touch an open call that has its id`, () => {
    const { ledger, written } = world()
    ledger.arrive(callOf(1))
    const first = ledger.find(1)
    ledger.refuse({ message: callOf(1), reason: REASON })
    expect(ledger.find(1)).toBe(first)
    first?.outcome({ result: {} }, 'none')
    expect(expectEachEnded(written())).toBe(2)
  })
})

describe('a message that leaves', () => {
  it(`${verifies('P7')} ends a call of an unknown tool that the server refused itself`, () => {
    const { ledger, written } = world()
    ledger.arrive(callOf(1, { name: 'drop_tables', arguments: {} }))
    const reply = ledger.answer({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32602, message: 'Tool drop_tables not found' },
    })
    expect(reply).toEqual(invalid(1, -32602))
    const [record, ...more] = written()
    expect(more).toEqual([])
    expect(record).toMatchObject({ event: 'denied', tool: 'drop_tables', error: { code: 'INVALID_INPUT' } })
    expect(record).not.toHaveProperty('effect')
    expect(reply).toMatchObject({ error: { data: { traceId: record?.trace?.traceId } } })
  })

  it(`${verifies('P7')} is made an error if it is a result of a call that nobody recorded`, () => {
    const { ledger, written } = world()
    ledger.arrive(callOf(1))
    expect(ledger.answer({ jsonrpc: '2.0', id: 1, result: { content: [CANARY] } })).toEqual(invalid(1))
    expect(written()).toMatchObject([{ event: 'denied' }])
  })

  it('is left as it is if it answers a call that is on record, or none', () => {
    const { ledger, written } = world()
    ledger.arrive(callOf(1))
    ledger.find(1)?.outcome({ result: {} }, 'none')
    ledger.arrive(callOf(2))
    ledger.find(2)?.asked(true)
    ledger.arrive(callOf(3))
    for (const message of [
      { jsonrpc: '2.0', id: 1, result: {} },
      { jsonrpc: '2.0', id: 2, result: {} },
      { jsonrpc: '2.0', id: 9, error: { code: 1, message: 'x' } },
      { jsonrpc: '2.0', id: null, error: { code: 1, message: 'x' } },
      // A request of the server's own, whose ids are another count.
      { jsonrpc: '2.0', id: 3, method: 'elicitation/create' },
      { jsonrpc: '2.0', method: 'notifications/progress' },
    ] satisfies JsonRpc[])
      expect(ledger.answer(message)).toBe(message)
    expect(ledger.find(3)).toBeDefined()
    expect(written()).toHaveLength(2)
  })
})

describe('a connection that ends', () => {
  it(`${verifies('P7')} ends the calls that are open, each once`, async () => {
    const { ledger, written } = world()
    for (const id of [1, 2, 3]) ledger.arrive(callOf(id))
    ledger.find(2)?.outcome({ result: {} }, 'none')
    const idle = ledger.idle(60_000)
    ledger.abandon()
    expect(await idle).toBe(true)
    ledger.abandon()
    expect(expectEachEnded(written())).toBe(3)
    expect(written().filter(record => record.error?.code === 'CANCELLED')).toHaveLength(2)
  })

  it('waits until no call is open, for several that wait', async () => {
    const { ledger } = world()
    expect(await ledger.idle(0)).toBe(true)
    for (const id of [1, 2]) ledger.arrive(callOf(id))
    const settled: boolean[] = []
    const waiting = [ledger.idle(60_000), ledger.idle(60_000)].map(idle => idle.then(value => settled.push(value)))
    ledger.find(1)?.outcome({ result: {} }, 'none')
    await new Promise(setImmediate)
    expect(settled).toEqual([])
    expect(await ledger.idle(1)).toBe(false)
    ledger.find(2)?.outcome({ result: {} }, 'none')
    await Promise.all(waiting)
    expect(settled).toEqual([true, true])
  })
})

describe('a ledger whose log cannot be written', () => {
  it(`${verifies('P8')} says so in place of every refusal`, context => {
    context.skip(!existsSync('/dev/full'), 'this system has no /dev/full')
    const { ledger } = world('/dev/full')
    const unavailable = {
      error: { data: { code: 'AUDIT_UNAVAILABLE' }, message: expect.stringMatching(/^AUDIT_UNAVAILABLE: /) },
    }
    ledger.arrive(callOf(1))
    expect(ledger.arrive(callOf(1))).toMatchObject({ id: 1, ...unavailable })
    expect(ledger.refuse({ message: callOf(2), reason: 'x' })).toMatchObject({ id: 2, ...unavailable })
    expect(ledger.answer({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'x' } })).toMatchObject({
      id: 1,
      ...unavailable,
    })
    expect(ledger.find(1)).toBeUndefined()
    ledger.arrive(callOf(3))
    expect(() => ledger.abandon()).not.toThrow()
    expect(ledger.find(3)).toBeUndefined()
  })
})

describe('any sequence of messages', () => {
  type Step = (ledger: CallLedger) => number

  const id = fc.constantFrom<unknown>(0, 1, 2, 'a', '1', null, undefined, 1.5)
  const usable = fc.constantFrom<number | string>(0, 1, 2, 'a', '1')
  const params = fc.oneof(
    fc.record(
      { name: fc.constantFrom<unknown>('read_it', 'write_it', 'unknown', CANARY, 7), arguments: fc.jsonValue() },
      { requiredKeys: [] },
    ),
    fc.jsonValue(),
  )
  const arrives = fc.tuple(id, params).map(
    ([given, fields]): Step =>
      ledger => {
        ledger.arrive(callOf(given, fields))
        return 1
      },
  )
  const isServed = fc.tuple(usable, fc.nat(4), fc.boolean()).map(
    ([given, how, acts]): Step =>
      ledger => {
        const call = ledger.find(given)
        if (call && acts) call.intent('none')
        if (how === 0) call?.outcome({ result: { id: CANARY.length, text: CANARY } }, 'none')
        if (how === 1) call?.outcome({ error: { code: 'UPSTREAM', message: 'it failed' } }, 'elicited')
        if (how === 2) call?.denied({ code: 'DENIED', message: 'no' }, 'declined')
        if (how === 3) call?.asked(true)
        if (how === 4) call?.asked(false)
        return 0
      },
  )
  const isAnswered = fc.tuple(id, fc.boolean()).map(
    ([given, fails]): Step =>
      ledger => {
        ledger.answer({
          jsonrpc: '2.0',
          id: given,
          ...(fails ? { error: { code: -32602, message: CANARY } } : { result: {} }),
        })
        return 0
      },
  )
  const isRefused = fc
    .oneof(
      fc.jsonValue(),
      fc.tuple(id, params).map(([given, fields]) => callOf(given, fields)),
    )
    .map(
      (message): Step =>
        ledger => {
          ledger.refuse({ message, reason: 'x' })
          const { method, result, error } = Object(message) as Record<string, unknown>
          const isAnswer = result !== undefined || error !== undefined
          return method === 'tools/call' || (typeof method !== 'string' && (Array.isArray(message) || !isAnswer))
            ? 1
            : 0
        },
    )
  const breaksOff = fc.constant<Step>(ledger => {
    ledger.abandon()
    return 0
  })
  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: arrives },
      { weight: 6, arbitrary: isServed },
      { weight: 3, arbitrary: isAnswered },
      { weight: 2, arbitrary: isRefused },
      { weight: 1, arbitrary: breaksOff },
    ),
    { minLength: 5, maxLength: 40, size: 'max' },
  )

  it(`${verifies('P7', 'P11')} ends each call that arrives in exactly one terminal record, and gives nothing away`, async () => {
    const { ledger, log, written } = world()
    let arrived = 0
    await fc.assert(
      fc.asyncProperty(steps, async sequence => {
        for (const step of sequence) arrived += step(ledger)
        ledger.abandon()
        expect(await ledger.idle(0)).toBe(true)
      }),
      { numRuns: 300 },
    )
    expect(arrived).toBeGreaterThan(1_000)
    expect(expectEachEnded(written())).toBe(arrived)
    expect(readFileSync(log.path, 'utf8')).not.toContain(CANARY)
  })
})
