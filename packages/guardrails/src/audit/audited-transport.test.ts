import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { recordsOf, tempFolder } from '../../test/support.ts'
import { openAuditLog } from './audit-log.ts'
import { auditReplies, auditTransport, type WireTransport } from './audited-transport.ts'
import { type CallLedger, createCallLedger } from './call-ledger.ts'
import type { JsonRpc } from './json-rpc.ts'
import { parseAuditKey } from './key.ts'
import type { AuditRecord } from './record.ts'

const key = parseAuditKey('a1'.repeat(32))

class FakeWire implements WireTransport<JsonRpc> {
  readonly sent: { message: JsonRpc; options?: unknown }[] = []
  readonly called: unknown[] = []
  sessionId = 'session-1'
  failure: Error | undefined
  onmessage?: ((message: JsonRpc, extra?: unknown) => void) | undefined
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined

  async start(): Promise<void> {
    this.called.push('start')
  }

  async send(message: JsonRpc, options?: unknown): Promise<void> {
    if (this.failure) throw this.failure
    this.sent.push({ message, options })
  }

  async close(): Promise<void> {
    this.called.push('close')
  }

  setProtocolVersion(version: string): void {
    this.called.push(version)
  }

  setSupportedProtocolVersions(versions: string[]): void {
    this.called.push(versions)
  }

  receive(message: JsonRpc, extra?: unknown): void {
    this.onmessage?.(message, extra)
  }
}

interface Fixture {
  readonly wire: FakeWire
  readonly audited: FakeWire
  readonly ledger: CallLedger
  /** The messages that reached the server. */
  readonly received: unknown[][]
  readonly errors: Error[]
  readonly written: () => AuditRecord[]
}

function fixture(): Fixture {
  const log = openAuditLog({ file: join(tempFolder(), 'audit.jsonl'), key, server: 'test' })
  const ledger = createCallLedger({
    log,
    policyOf: tool => (tool === 'read_it' ? { effect: 'read', args: {}, result: {} } : undefined),
    caller: { kind: 'os', id: 'me', host: 'here' },
  })
  const wire = new FakeWire()
  const audited = auditTransport(wire, ledger)
  const received: unknown[][] = []
  const errors: Error[] = []
  audited.onmessage = (...given) => received.push(given)
  audited.onerror = error => errors.push(error)
  return { wire, audited, ledger, received, errors, written: () => recordsOf(log.path).slice(1) }
}

const call = (id?: unknown, name = 'read_it'): JsonRpc => ({
  jsonrpc: '2.0',
  ...(id !== undefined && { id }),
  method: 'tools/call',
  params: { name, arguments: {} },
})

describe('auditTransport', () => {
  it(`${verifies('P7')} passes a call and its extra information on, and the recorded answer back`, async () => {
    const { wire, audited, ledger, received, written } = fixture()
    const extra = { authInfo: 'x' }
    const message = call(1)
    wire.receive(message, extra)
    expect(received).toEqual([[message, extra]])
    expect(received[0]?.[0]).toBe(message)
    ledger.find(1)?.outcome({ result: {} }, 'none')
    const answer: JsonRpc = { jsonrpc: '2.0', id: 1, result: { content: [] } }
    await audited.send(answer, { relatedRequestId: 1 })
    expect(wire.sent).toEqual([{ message: answer, options: { relatedRequestId: 1 } }])
    expect(written().map(record => record.event)).toEqual(['outcome'])
  })

  it(`${verifies('P7')} records a call of an unknown tool that the server refuses, and gives the answer an error code`, async () => {
    const { wire, audited, written } = fixture()
    wire.receive(call(1, 'unknown'))
    await audited.send({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'Tool unknown not found' } })
    expect(wire.sent).toMatchObject([{ message: { id: 1, error: { code: -32602, data: { code: 'INVALID_INPUT' } } } }])
    expect(written()).toMatchObject([{ event: 'denied', tool: 'unknown', error: { code: 'INVALID_INPUT' } }])
  })

  it(`${verifies('P7')} answers a repeated id itself, and does not pass it on`, async () => {
    const { wire, received, written } = fixture()
    wire.receive(call('a'))
    wire.receive(call('a'))
    await new Promise(setImmediate)
    expect(received).toHaveLength(1)
    expect(wire.sent).toMatchObject([{ message: { id: 'a', error: { data: { code: 'INVALID_INPUT' } } } }])
    expect(written().map(record => record.event)).toEqual(['denied'])
  })

  it(`${verifies('P7')} records a call without a usable id, and does not pass it on`, async () => {
    const { wire, received, written } = fixture()
    wire.receive(call())
    wire.receive(call(null))
    await new Promise(setImmediate)
    expect(received).toEqual([])
    expect(wire.sent).toEqual([])
    expect(written().map(record => record.event)).toEqual(['denied', 'denied'])
  })

  it('passes all other messages on, in both directions', async () => {
    const { wire, audited, received, written } = fixture()
    const messages: JsonRpc[] = [
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
      { jsonrpc: '2.0', id: 5, result: { action: 'accept' } },
    ]
    for (const message of messages) wire.receive(message)
    for (const message of messages) await audited.send(message)
    expect(received.map(([message]) => message)).toEqual(messages)
    expect(wire.sent.map(({ message }) => message)).toEqual(messages)
    expect(written()).toEqual([])
  })

  it(`${verifies('P7')} keeps the record if the answer cannot be sent, and reports the error`, async () => {
    const { wire, audited, errors, written } = fixture()
    wire.receive(call(1))
    wire.failure = new Error('the pipe is broken')
    wire.receive(call(1))
    await new Promise(setImmediate)
    expect(errors).toEqual([wire.failure])
    await expect(audited.send({ jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } })).rejects.toBe(wire.failure)
    expect(written().map(record => record.event)).toEqual(['denied', 'denied'])
  })

  it('otherwise behaves like the transport that it wraps', async () => {
    const { wire, audited, errors } = fixture()
    const closed: string[] = []
    audited.onclose = () => closed.push('closed')
    await audited.start()
    audited.setProtocolVersion('2025-11-25')
    audited.setSupportedProtocolVersions(['a', 'b'])
    await audited.close()
    expect(wire.called).toEqual(['start', '2025-11-25', ['a', 'b'], 'close'])
    wire.sessionId = 'session-2'
    expect(audited.sessionId).toBe('session-2')
    wire.onclose?.()
    wire.onerror?.(new Error('x'))
    expect(closed).toEqual(['closed'])
    expect(errors).toEqual([new Error('x')])
  })

  it('accepts a transport without optional methods, and a server that does not listen yet', () => {
    const { ledger } = fixture()
    const bare: WireTransport = { start: async () => {}, send: async () => {}, close: async () => {} }
    const audited = auditTransport(bare, ledger)
    expect(() => {
      audited.setProtocolVersion?.('x')
      audited.setSupportedProtocolVersions?.([])
      bare.onmessage?.(call(1))
      bare.onclose?.()
      bare.onerror?.(new Error('x'))
    }).not.toThrow()
    expect(audited.sessionId).toBeUndefined()
  })
})

describe('auditReplies', () => {
  it(`${verifies('P7')} passes every inbound message on, and audits the replies`, async () => {
    const { ledger, written } = fixture()
    const wire = new FakeWire()
    const audited = auditReplies(wire, ledger)
    const received: JsonRpc[] = []
    audited.onmessage = message => received.push(message)
    // Another part of the server has checked the call when it arrived.
    ledger.arrive(call(1))
    wire.receive(call(1))
    wire.receive(call())
    expect(received).toEqual([call(1), call()])
    expect(written()).toEqual([])
    await audited.send({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'refused' } })
    expect(wire.sent).toMatchObject([{ message: { id: 1, error: { data: { code: 'INVALID_INPUT' } } } }])
    expect(written()).toMatchObject([{ event: 'denied', tool: 'read_it' }])
    expect(ledger.find(1)).toBeUndefined()
  })
})
