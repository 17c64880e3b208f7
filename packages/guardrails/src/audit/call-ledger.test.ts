import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordsOf, tempFolder } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { type AuditLog, openAuditLog } from './audit-log.ts'
import type { ToolPolicy } from './call.ts'
import { type CallLedger, createCallLedger } from './call-ledger.ts'
import type { JsonRpc, RpcId } from './json-rpc.ts'
import { parseAuditKey } from './key.ts'
import type { AuditRecord, Caller } from './record.ts'

const key = parseAuditKey('a1'.repeat(32))
const CALLER: Caller = { kind: 'os', id: 'me', host: 'here' }
const CANARY = 'canary 4f1d'
const POLICIES = new Map<string, ToolPolicy>([
  ['read_it', { effect: 'read', args: { id: 'clear' }, result: {} }],
  ['write_it', { effect: 'irreversible', args: { text: 'pseudonym' }, result: { id: 'clear' } }],
])

interface Fixture {
  readonly ledger: CallLedger
  readonly log: AuditLog
  /** The ids of the calls that were passed on and have ended. */
  readonly ended: readonly RpcId[]
  /** The records of the calls. */
  readonly written: () => AuditRecord[]
}

function fixture(file = join(tempFolder(), 'audit.jsonl')): Fixture {
  const log = openAuditLog({ file, key, server: 'test' })
  const ended: RpcId[] = []
  const ledger = createCallLedger({
    log,
    policyOf: tool => POLICIES.get(tool),
    caller: CALLER,
    onEnd: id => ended.push(id),
  })
  return { ledger, log, ended, written: () => recordsOf(log.path).filter(record => record.event !== 'start') }
}

/** Runs `work` while these classes stand for Map and Set. */
function withCollections<T>(map: MapConstructor, set: SetConstructor, work: () => T): T {
  const real = { Map, Set }
  Object.assign(globalThis, { Map: map, Set: set })
  try {
    return work()
  } finally {
    Object.assign(globalThis, real)
  }
}

const callOf = (id: unknown, params: unknown = { name: 'read_it', arguments: { id: 7 } }): JsonRpc => ({
  jsonrpc: '2.0',
  method: 'tools/call',
  ...(id !== undefined && { id }),
  ...(params !== undefined && { params }),
})

const isTerminal = ({ event, durationMs }: AuditRecord): boolean =>
  event === 'outcome' || event === 'denied' || (event === 'confirm' && durationMs !== undefined)

/** Expects that each call has one terminal record, which is its last record. Returns the number of calls. */
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
    const { ledger, ended, written } = fixture()
    expect(ledger.arrive(callOf(1))).toBeUndefined()
    expect(ledger.arrive(callOf('1', { name: 'write_it', arguments: {} }))).toBeUndefined()
    const [number, text] = [ledger.find(1), ledger.find('1')]
    expect(number?.callId).not.toBe(text?.callId)
    expect(await ledger.idle(1)).toBe(false)
    number?.intent('none')
    number?.outcome({ result: { x: 1 } }, 'none')
    text?.denied({ code: 'DENIED', message: 'no' })
    expect([ledger.find(1), ledger.find('1')]).toEqual([undefined, undefined])
    expect(ended).toEqual([1, '1'])
    expect(await ledger.idle(0)).toBe(true)
    expect(expectEachEnded(written())).toBe(2)
    // The id can be used again.
    expect(ledger.arrive(callOf(1))).toBeUndefined()
    expect(ledger.find(1)).toBeDefined()
  })

  it('is passed on without a record if it is not a call', () => {
    const { ledger, written } = fixture()
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
    async id => {
      const { ledger, ended, written } = fixture()
      expect(ledger.arrive(callOf(id))).toBeNull()
      expect(ledger.find(id as RpcId)).toBeUndefined()
      expect([await ledger.idle(0), ended]).toEqual([true, []])
      expect(written()).toMatchObject([{ event: 'denied', tool: 'read_it', error: { code: 'INVALID_INPUT' } }])
    },
  )

  it(`${verifies('P7')} is denied if it is a call whose id is in use, without an effect on the first call`, () => {
    const { ledger, written } = fixture()
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
    ['a trace that is not text', { name: 'write_it', _meta: { traceparent: { x: CANARY } } }],
    ['meta data that are text', { name: 'write_it', _meta: CANARY }],
    ['a prototype', JSON.parse(`{"name":"write_it","__proto__":{"x":1},"arguments":{"__proto__":"${CANARY}"}}`)],
  ])(`${verifies('P7', 'P11')} is recorded and reveals nothing if it is a call with %s`, (_, params) => {
    const { ledger, log, written } = fixture()
    expect(ledger.arrive(callOf(1, params))).toBeUndefined()
    const reply = ledger.answer({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: `Invalid ${CANARY}` } })
    expect(reply).toEqual(invalid(1, -32602))
    expect(JSON.stringify(reply)).not.toContain(CANARY)
    expect(ledger.find(1)).toBeUndefined()
    expect(expectEachEnded(written())).toBe(1)
    expect(readFileSync(log.path, 'utf8')).not.toContain(CANARY)
  })

  it('is recorded with the client of the call, or else with that of initialize', () => {
    const { ledger, written } = fixture()
    const other = { clientInfo: { name: 'other', version: '0' } }
    ledger.arrive({ jsonrpc: '2.0', id: 0, method: 'tools/list', params: other })
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

  it(`${verifies('P11')} is recorded with a truncated client name that cannot disturb a terminal`, () => {
    const { ledger, written } = fixture()
    const clientInfo = { name: `a\u001b[31m\u202e\u2028\u200b\ud800${'b'.repeat(1000)}`, version: '\n1\0' }
    ledger.arrive({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { clientInfo } })
    ledger.arrive(callOf(1))
    ledger.find(1)?.outcome({ result: {} }, 'none')
    const client = written()[0]?.caller?.client
    // 80 characters, of which five are removed.
    expect(client?.name).toBe(`a[31m${'b'.repeat(70)}`)
    expect(client?.version).toBe('1')
    // A second initialize does not change the client.
    ledger.arrive({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { clientInfo: { name: 'x', version: '2' } } })
    ledger.arrive(callOf(1))
    ledger.find(1)?.outcome({ result: {} }, 'none')
    expect(written()[1]?.caller?.client).toEqual(client)
  })

  it.each([[undefined], [null], [7], [[]], [{ name: 'x' }], [{ name: 7, version: '1' }]])(
    'is recorded without a client if the client information is %j',
    bad => {
      const { ledger, written } = fixture()
      ledger.arrive({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { clientInfo: bad } })
      ledger.arrive(callOf(1))
      ledger.find(1)?.outcome({ result: {} }, 'none')
      expect(written()[0]?.caller).toEqual(CALLER)
    },
  )

  it('is recorded with its own address, if it has one', () => {
    const { ledger, written } = fixture()
    ledger.arrive(callOf(1), { host: '192.0.2.7' })
    ledger.find(1)?.outcome({ result: {} }, 'none')
    expect(written()[0]?.caller).toEqual({ ...CALLER, host: '192.0.2.7' })
  })

  it(`${verifies('P7')} is refused if it is any request with the id of an open call, because its reply would end the call`, () => {
    const { ledger, written } = fixture()
    ledger.arrive(callOf(7))
    const ping: JsonRpc = { jsonrpc: '2.0', id: 7, method: 'ping' }
    expect(ledger.arrive(ping)).toMatchObject({ id: 7, error: { data: { code: 'INVALID_INPUT' } } })
    expect(ledger.arrive({ ...ping, id: 8 })).toBeUndefined()
    // A response of the client has an id that the server chose.
    expect(ledger.arrive({ jsonrpc: '2.0', id: 7, result: {} })).toBeUndefined()
    expect(written()).toEqual([])
    ledger.find(7)?.intent('none')
    // Even if another reply is sent, the record tells what the handler did.
    const stray: JsonRpc = { jsonrpc: '2.0', id: 7, result: {} }
    expect(ledger.answer(stray)).toBe(stray)
    ledger.find(7)?.outcome({ result: {} }, 'none')
    expect(written().map(({ event }) => event)).toEqual(['intent', 'outcome'])
  })

  it(`${verifies('P16')} is denied if it is a call whose id is too long`, () => {
    const { ledger, written } = fixture()
    expect(ledger.arrive(callOf('x'.repeat(256)))).toBeUndefined()
    expect(ledger.arrive(callOf('x'.repeat(257)))).toBeNull()
    expect(written()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' } }])
  })

  it('is recorded with the trace that it claims, or else with that of its transport', () => {
    const { ledger, written } = fixture()
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`
    ledger.arrive(callOf(1, { name: 'read_it', _meta: { traceparent } }))
    ledger.find(1)?.outcome({ result: {} }, 'none')
    expect(written()[0]?.trace).toEqual({ traceId: 'ab'.repeat(16), parentId: 'cd'.repeat(8), source: 'claimed' })
    const other = `00-${'12'.repeat(16)}-${'34'.repeat(8)}-01`
    ledger.arrive(callOf(2, { name: 'read_it', _meta: { traceparent } }), { traceparent: other })
    ledger.arrive(callOf(3), { traceparent: other })
    for (const id of [2, 3]) ledger.find(id)?.outcome({ result: {} }, 'none')
    expect(written().map(({ trace }) => trace?.traceId)).toEqual(['ab', 'ab', '12'].map(byte => byte.repeat(16)))
  })
})

describe('a message that the transport does not accept', () => {
  const REASON = 'a fixed reason'

  it.each<[string, unknown]>([
    ['text that is not JSON', undefined],
    ['a number', 7],
    ['null', null],
    ['a batch', [callOf(1), callOf(2)]],
    ['an object without a method', { jsonrpc: '2.0', id: 1, params: { name: CANARY } }],
    ['an object with the params of a call', { jsonrpc: '2.0', id: 1, params: { name: 'read_it' } }],
    ['a method that is not text', { jsonrpc: '2.0', id: 1, method: { x: CANARY } }],
  ])(`${verifies('P7', 'P11')} is recorded and answered if it is %s, because it may have been a call`, (_, message) => {
    const { ledger, log, written } = fixture()
    const fault = message === undefined ? { reason: REASON } : { message, reason: REASON }
    expect(ledger.refuse(fault)).toEqual(invalid(null, -32700))
    expect(written()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT', message: REASON } }])
    expect(written()[0]).not.toHaveProperty('tool')
    expect(readFileSync(log.path, 'utf8')).not.toContain(CANARY)
  })

  it(`${verifies('P7')} is recorded as a call if it is one`, async () => {
    const { ledger, ended, written } = fixture()
    expect(ledger.refuse({ message: { ...callOf(1), jsonrpc: '1.0' }, reason: REASON })).toEqual(invalid(1))
    expect(ledger.refuse({ message: callOf(null), reason: REASON })).toEqual(invalid(null, -32700))
    expect(ledger.refuse({ message: callOf(undefined, CANARY), reason: REASON })).toEqual(invalid(null, -32700))
    expect(written().map(record => [record.event, record.tool])).toEqual([
      ['denied', 'read_it'],
      ['denied', 'read_it'],
      ['denied', undefined],
    ])
    expect(expectEachEnded(written())).toBe(3)
    // None of them is open, or was.
    expect(ledger.find(1)).toBeUndefined()
    expect([await ledger.idle(0), ended]).toEqual([true, []])
  })

  it('is answered with the code and the message of the fault, and recorded with them', () => {
    const { ledger, written } = fixture()
    const fault = { code: 'TOO_LARGE', reason: REASON }
    for (const message of [undefined, callOf(1)])
      expect(ledger.refuse({ message, ...fault })).toMatchObject({
        error: { code: -32600, message: `TOO_LARGE: ${REASON}`, data: { code: 'TOO_LARGE' } },
      })
    expect(written().map(({ error }) => error)).toEqual(Array(2).fill({ code: 'TOO_LARGE', message: REASON }))
  })

  it('is recorded with its own address and the trace of its transport', () => {
    const { ledger, written } = fixture()
    const beside = { host: '192.0.2.7', traceparent: `00-${'12'.repeat(16)}-${'34'.repeat(8)}-01` }
    ledger.refuse({ reason: REASON, beside })
    ledger.refuse({ message: callOf(1), reason: REASON, beside })
    for (const { caller, trace } of written())
      expect([caller?.host, trace?.traceId]).toEqual(['192.0.2.7', '12'.repeat(16)])
    expect(written()).toHaveLength(2)
  })

  it('is answered without a record if it is another request, and not answered if it is not a request', () => {
    const { ledger, written } = fixture()
    expect(ledger.refuse({ message: { id: 1, method: 'tools/list' }, reason: REASON })).toEqual(invalid(1))
    expect(ledger.refuse({ message: { method: 'notifications/x' }, reason: REASON })).toBeNull()
    expect(ledger.refuse({ message: { id: 1, result: {} }, reason: REASON })).toBeNull()
    expect(ledger.refuse({ message: { id: 1, error: 'x' }, reason: REASON })).toBeNull()
    expect(written()).toEqual([])
  })

  it(`${verifies('P7')} has no effect on an open call with the same id`, () => {
    const { ledger, written } = fixture()
    ledger.arrive(callOf(1))
    const first = ledger.find(1)
    ledger.refuse({ message: callOf(1), reason: REASON })
    expect(ledger.find(1)).toBe(first)
    first?.outcome({ result: {} }, 'none')
    expect(expectEachEnded(written())).toBe(2)
  })
})

describe('a message that the server sends', () => {
  it(`${verifies('P7')} ends a call of an unknown tool if it is an error`, () => {
    const { ledger, written } = fixture()
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
    expect(record?.error?.message).toBe('there is no tool of this name; tools/list returns all tools')
  })

  it(`${verifies('P7')} ends a call of a known tool if it is an error, with a reason that fits`, () => {
    const { ledger, written } = fixture()
    const replies = [-32602, -32603, -32022, 'text'].map((code, id) => {
      ledger.arrive(callOf(id))
      const error = { code, message: 'refused', data: { supported: ['2025-11-25'] } }
      return ledger.answer({ jsonrpc: '2.0', id, error })
    })
    const data = { supported: ['2025-11-25'] }
    expect(replies).toMatchObject([
      { error: { code: -32602, data: { ...data, code: 'INVALID_INPUT' } } },
      { error: { code: -32603, data: { ...data, code: 'INTERNAL' } } },
      { error: { code: -32022, data: { ...data, code: 'INVALID_INPUT' } } },
      { error: { code: -32600, data: { ...data, code: 'INVALID_INPUT' } } },
    ])
    const invalidRequest = 'this is not a valid tools/call request'
    expect(written().map(({ error }) => error?.message)).toEqual([
      invalidRequest,
      'the server failed before it served this call',
      invalidRequest,
      invalidRequest,
    ])
  })

  it(`${verifies('P7')} becomes an error if it is a result of a call without a terminal record`, () => {
    const { ledger, written } = fixture()
    ledger.arrive(callOf(1))
    expect(ledger.answer({ jsonrpc: '2.0', id: 1, result: { content: [CANARY] } })).toEqual(invalid(1))
    expect(written()).toMatchObject([{ event: 'denied' }])
  })

  it('is not changed if it answers a call that has ended, or no call', () => {
    const { ledger, written } = fixture()
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
      // A request of the server, which has ids of its own.
      { jsonrpc: '2.0', id: 3, method: 'elicitation/create' },
      { jsonrpc: '2.0', method: 'notifications/progress' },
    ] satisfies JsonRpc[])
      expect(ledger.answer(message)).toBe(message)
    expect(ledger.find(3)).toBeDefined()
    expect(written()).toHaveLength(2)
  })
})

describe('a ledger', () => {
  it(`${verifies('P7')} ends each open call once when its connection is gone`, async () => {
    const { ledger, written } = fixture()
    for (const id of [1, 2, 3]) ledger.arrive(callOf(id))
    ledger.find(2)?.outcome({ result: {} }, 'none')
    const idle = ledger.idle(60_000)
    ledger.abandon()
    expect(await idle).toBe(true)
    ledger.abandon()
    expect(expectEachEnded(written())).toBe(3)
    expect(written().filter(record => record.error?.code === 'CANCELLED')).toHaveLength(2)
  })

  it('tells all that wait when no call is open', async () => {
    const { ledger } = fixture()
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

  it('leaves no timer behind when no call is open', async () => {
    const { ledger } = fixture()
    ledger.arrive(callOf(1))
    const timers = (): number => process.getActiveResourcesInfo().filter(type => type === 'Timeout').length
    const before = timers()
    const idle = ledger.idle(60_000)
    expect(timers()).toBe(before + 1)
    ledger.find(1)?.outcome({ result: {} }, 'none')
    expect([await idle, timers()]).toEqual([true, before])
  })

  it(`${verifies('P16')} keeps nothing of the calls and the waits that have ended`, async () => {
    const kept = new Set<{ size: number }>()
    class NotedMap<K, V> extends Map<K, V> {
      constructor() {
        super()
        kept.add(this)
      }
    }
    class NotedSet<T> extends Set<T> {
      constructor() {
        super()
        kept.add(this)
      }
    }
    const { ledger } = withCollections(NotedMap, NotedSet, fixture)
    for (let id = 0; id < 100; id += 1) {
      ledger.arrive(callOf(id))
      const idle = ledger.idle(60_000)
      const timedOut = await ledger.idle(0)
      if (id % 3 === 0) ledger.find(id)?.outcome({ result: {} }, 'none')
      else if (id % 3 === 1) ledger.answer({ jsonrpc: '2.0', id, result: {} })
      else ledger.abandon()
      ledger.arrive(callOf(`${id}`.repeat(300)))
      ledger.arrive(callOf(null))
      ledger.refuse({ message: callOf(`never ${id}`), reason: 'x' })
      expect([timedOut, await idle]).toEqual([false, true])
    }
    expect(kept.size).toBeGreaterThan(1)
    expect([...kept].map(collection => collection.size)).toEqual(Array(kept.size).fill(0))
  })

  it('passes on an error that is not about the audit log', () => {
    const { log } = fixture()
    const broken = {
      ...log,
      report: () => {
        throw new TypeError('a mistake')
      },
    }
    const ledger = createCallLedger({ log: broken, policyOf: () => undefined, caller: CALLER })
    ledger.arrive(callOf(1))
    expect(() => ledger.abandon()).toThrow(TypeError)
  })
})

describe('a ledger whose log cannot be written', () => {
  it(`${verifies('P8')} replies AUDIT_UNAVAILABLE to every refused call`, context => {
    context.skip(!existsSync('/dev/full'), 'this system has no /dev/full')
    const { ledger } = fixture('/dev/full')
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

const SEQUENCES = trials('sequences', { short: 100, full: 1_000 })

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

  it(`${verifies('P7', 'P11')} leaves exactly one terminal record for each call, and reveals nothing ${SEQUENCES.label}`, async () => {
    const { ledger, log, written } = fixture()
    let arrived = 0
    await fc.assert(
      fc.asyncProperty(steps, async sequence => {
        for (const step of sequence) arrived += step(ledger)
        ledger.abandon()
        expect(await ledger.idle(0)).toBe(true)
      }),
      { numRuns: SEQUENCES.count },
    )
    expect(arrived).toBeGreaterThan(SEQUENCES.count)
    expect(expectEachEnded(written())).toBe(arrived)
    expect(readFileSync(log.path, 'utf8')).not.toContain(CANARY)
  })
})
