import { describe, expect, it, vi } from 'vitest'
import { type Caller, type CallLedger, createCallLedger, type JsonRpc } from '#guardrails/audit'
import { memoryAuditLog } from '../../test/remote/memory-audit-log.ts'
import { createRequestAuditor } from './audited-request.ts'
import { createCallsInFlight } from './calls-in-flight.ts'
import { describeResource } from './protected-resource.ts'

const TOOLS = [
  { name: 'readNote', effect: 'read', scope: 'notes:read' },
  { name: 'listTags', effect: 'read', scope: 'tags:read' },
  { name: 'writeNote', effect: 'reversible', scope: 'notes:write' },
] as const
const ADA: Caller = { kind: 'oauth', id: 'ada', host: '192.0.2.7', clientId: 'app' }
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const resource = describeResource({
  url: 'https://mcp.example.com/mcp',
  issuer: 'https://idp.example.com',
  name: 'test-server',
  tools: TOOLS,
})

const call = (name: unknown = 'readNote', id: unknown = 1): JsonRpc => ({
  jsonrpc: '2.0',
  ...(id !== undefined && { id }),
  method: 'tools/call',
  params: { name, arguments: {} },
})

function open({ withOAuth = true } = {}) {
  const log = memoryAuditLog()
  const calls = createCallsInFlight((caller, onEnd) =>
    createCallLedger({ log, policyOf: () => ({ effect: 'read', args: {}, result: {} }), caller, onEnd }),
  )
  const ledger = calls.ledgerOf(ADA)
  const audited = createRequestAuditor(TOOLS, withOAuth ? resource : undefined, calls)
  /** Ends a call as its handler would. */
  const done = (of: CallLedger, id: string | number = 1): Response => {
    of.find(id)?.intent('none')
    of.find(id)?.outcome({ result: {} }, 'none')
    return Response.json({ jsonrpc: '2.0', id, result: {} })
  }
  const serve = vi.fn(async () => done(ledger))
  const request = (message: JsonRpc, scopes?: readonly string[], caller = ADA) =>
    audited(
      { message, traceparent: TRACEPARENT, requester: { caller, scopes: scopes && new Set(scopes) }, ledger },
      serve,
    )
  const recorded = () => log.entries.map(({ event, error }) => [event, error?.code])
  return { log, calls, ledger, request, serve, done, recorded }
}

const ALL = TOOLS.map(({ scope }) => scope)

async function errorIn(response: Response) {
  const { id, error } = (await response.json()) as JsonRpc
  return { id, error: error as { code: number; message: string; data: { code: string; traceId?: string } } }
}

describe('a call whose token lacks the scope', () => {
  it(`${verifies('P7', 'P15')} is refused with a challenge for that scope and those of the token, on record`, async () => {
    const { log, request, serve, recorded } = open()
    const response = await request(call('writeNote'), ['openid', 'notes:read'])
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBe(resource.insufficient(['notes:read', 'notes:write']))
    expect(await errorIn(response)).toMatchObject({
      id: 1,
      error: {
        message: 'FORBIDDEN: this needs the scope notes:write, which the access token lacks',
        data: { code: 'FORBIDDEN', traceId: 'a'.repeat(32) },
      },
    })
    expect(serve).not.toHaveBeenCalled()
    expect(recorded()).toEqual([['denied', 'FORBIDDEN']])
    expect(log.entries).toMatchObject([{ tool: 'writeNote', caller: ADA, trace: { traceId: 'a'.repeat(32) } }])
  })

  it.each(TOOLS)(`${verifies('P15')} of an empty set is not served: $name`, async ({ name, scope }) => {
    const { request, serve } = open()
    const response = await request(call(name), [])
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBe(resource.insufficient([scope]))
    expect(serve).not.toHaveBeenCalled()
  })

  it(`${verifies('P15')} is not served where scopes were expected and there are none`, async () => {
    const { request, serve } = open()
    expect((await request(call(), undefined)).status).toBe(403)
    expect(serve).not.toHaveBeenCalled()
  })

  it(`${verifies('P15')} compares scopes whole`, async () => {
    const { request } = open()
    for (const scope of ['notes', 'notes:*', 'notes:readX', 'NOTES:READ', 'notes:read,openid'])
      expect((await request(call('readNote'), [scope])).status, scope).toBe(403)
  })

  it(`${verifies('P15')} is served without OAuth`, async () => {
    const { request, recorded } = open({ withOAuth: false })
    expect((await request(call('writeNote'), undefined)).status).toBe(200)
    expect(recorded()).toEqual([
      ['intent', undefined],
      ['outcome', undefined],
    ])
  })
})

describe('a message', () => {
  it(`${verifies('P7')} that is a call is in the ledger before it is served, with its request’s trace and address`, async () => {
    const { ledger, request, serve, done } = open()
    serve.mockImplementation(async () => {
      expect(ledger.find(1)).toMatchObject({ caller: { host: '198.51.100.9' }, trace: { traceId: 'a'.repeat(32) } })
      return done(ledger)
    })
    const response = await request(call(), ALL, { ...ADA, host: '198.51.100.9' })
    expect(await response.json()).toEqual({ jsonrpc: '2.0', id: 1, result: {} })
    expect(serve).toHaveBeenCalledOnce()
  })

  it('that is no call needs no scope and no record', async () => {
    const { request, serve, recorded, calls } = open()
    const reply = Response.json({ tools: [] })
    serve.mockResolvedValue(reply)
    const params = { name: 'writeNote' }
    for (const message of [
      { jsonrpc: '2.0', id: 1, method: 'tools/list', params },
      { jsonrpc: '2.0', method: 'notifications/initialized', params },
      { jsonrpc: '2.0', id: 1, result: {} },
    ] as const)
      expect(await request(message, [])).toBe(reply)
    expect(recorded()).toEqual([])
    expect(calls.hasRoom(ADA)).toBe(true)
  })

  it.each([undefined, null, {}, 1.5, 'x'.repeat(257)])(
    `${verifies('P7')} that is a call with the id %j is refused on record`,
    async id => {
      const { request, serve, recorded } = open()
      const response = await request({ ...call(), id }, ALL)
      expect(response.status).toBe(400)
      expect(await errorIn(response)).toEqual({
        id: null,
        error: { code: -32600, message: 'INVALID_INPUT: tools/call needs an id', data: { code: 'INVALID_INPUT' } },
      })
      expect(serve).not.toHaveBeenCalled()
      expect(recorded()).toEqual([['denied', 'INVALID_INPUT']])
    },
  )

  it(`${verifies('P7')} with the id of a call that is being served is refused, and that call is not disturbed`, async () => {
    const { ledger, request, serve, done, recorded } = open()
    let finish = (): void => {}
    const held = new Promise<void>(resolve => {
      finish = resolve
    })
    serve.mockImplementation(async () => {
      await held
      return done(ledger)
    })
    const first = request(call(), ALL)
    for (const message of [call('listTags'), { jsonrpc: '2.0', id: 1, method: 'tools/list' } as const]) {
      const twin = await request(message, ALL)
      expect(twin.status).toBe(400)
      expect((await errorIn(twin)).error.data.code).toBe('INVALID_INPUT')
    }
    expect(serve).toHaveBeenCalledOnce()
    finish()
    expect((await first).status).toBe(200)
    expect(recorded().map(([event]) => event)).toEqual(['denied', 'intent', 'outcome'])
  })

  it.each([[], null, 'readNote', 7, { name: ['readNote'] }, undefined])(
    `${verifies('P7')} that is a call with the params %j is left to the SDK to refuse`,
    async params => {
      const { request, serve } = open()
      serve.mockResolvedValue(Response.json({ error: { code: -32602 } }, { status: 400 }))
      expect((await request({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }, [])).status).toBe(400)
      expect(serve).toHaveBeenCalledOnce()
    },
  )
})

describe('a call that the SDK refuses', () => {
  it(`${verifies('P7')} before a handler saw it is on record, and answered with a code`, async () => {
    const { ledger, request, serve, recorded } = open()
    const error = { code: -32020, message: 'Header mismatch: secret', data: { supported: ['2026-07-28'] } }
    serve.mockResolvedValue(Response.json({ jsonrpc: '2.0', id: 1, error }, { status: 400 }))
    const response = await request(call(), ALL)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: {
        code: -32020,
        message: 'INVALID_INPUT: this is not a valid tools/call request',
        data: { supported: ['2026-07-28'], code: 'INVALID_INPUT', traceId: 'a'.repeat(32) },
      },
    })
    expect(recorded()).toEqual([['denied', 'INVALID_INPUT']])
    expect(ledger.find(1)).toBeUndefined()
  })

  it('is answered by the SDK if its handler has ended it already', async () => {
    const { ledger, request, serve, done, recorded } = open()
    serve.mockImplementation(async () => {
      done(ledger)
      return new Response('{"error":"gone"}', { status: 404 })
    })
    const response = await request(call(), ALL)
    expect([response.status, await response.text()]).toEqual([404, '{"error":"gone"}'])
    expect(recorded().map(([event]) => event)).toEqual(['intent', 'outcome'])
  })

  it('is still being served if the reply is a stream, or if a lost connection left no reply', async () => {
    for (const reply of [new Response('data: {}\n\n', { status: 200 }), new Response(null, { status: 499 })]) {
      const { ledger, request, serve, recorded } = open()
      serve.mockResolvedValue(reply)
      expect(await request(call(), ALL)).toBe(reply)
      expect(recorded()).toEqual([])
      expect(ledger.find(1)).toBeDefined()
    }
  })
})

describe('too many calls of one caller', () => {
  it(`${verifies('P7', 'P16')} are refused on record, and there is room again when one ends`, async () => {
    const { calls, ledger, request, serve, recorded, log } = open()
    const waiting: Promise<Response>[] = []
    let release = (): void => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    serve.mockImplementation(async () => {
      await held
      return Response.json({}, { status: 400 })
    })
    for (let id = 0; id < 64; id += 1) waiting.push(request(call('readNote', id), ALL))
    const refused = await request(call('readNote', 64), ALL)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('5')
    expect((await errorIn(refused)).error.data.code).toBe('RATE_LIMITED')
    expect(recorded()).toEqual([['denied', 'RATE_LIMITED']])
    expect(log.entries[0]?.trace?.traceId).toBe('a'.repeat(32))
    expect(serve).toHaveBeenCalledTimes(64)
    // What is no call has room, and so has another caller.
    serve.mockResolvedValue(Response.json({}))
    expect((await request({ jsonrpc: '2.0', id: 'list', method: 'tools/list' }, ALL)).status).toBe(200)
    expect(calls.hasRoom({ ...ADA, id: 'ben' })).toBe(true)
    ledger.find(5)?.denied({ code: 'CANCELLED', message: 'over' })
    expect((await request(call('readNote', 65), ALL)).status).toBe(200)
    release()
    await Promise.all(waiting)
  })
})
