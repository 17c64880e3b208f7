import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { begin, openEndpoint } from '../../test/remote/endpoint-world.ts'
import { RawConnection, send } from '../../test/remote/loopback.ts'
import {
  codeIn,
  initialize,
  legacy,
  legacyCall,
  type McpRequest,
  messagesIn,
  modern,
  modernCall,
} from '../../test/remote/messages.ts'
import { requester } from '../../test/remote/session-world.ts'
import { soon } from '../../test/remote/soon.ts'
import { holdingBackend } from '../../test/remote/tools.ts'
import { describeResource } from './protected-resource.ts'

const ADA = requester()
const resource = describeResource({
  url: 'https://mcp.example.com/mcp',
  issuer: 'https://idp.example.com',
  name: 'test-server',
  tools: [
    { effect: 'read', scope: 'notes:read' },
    { effect: 'reversible', scope: 'notes:write' },
  ],
})

describe('a modern request', () => {
  it(`${verifies('P7')} that is a call is served and on record, with its caller and its trace`, async () => {
    const { post, audit, unexpected } = await openEndpoint()
    const { headers, message } = modernCall()
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const reply = await post({ headers: { ...headers, traceparent }, message })
    expect(reply.status).toBe(200)
    expect(messagesIn(reply.text)).toMatchObject([{ id: 1, result: { structuredContent: { text: 'hello' } } }])
    const caller = { ...ADA.caller, client: { name: 'test-client', version: '1.0.0' } }
    const trace = { traceId: 'a'.repeat(32), parentId: 'b'.repeat(16), source: 'claimed' }
    expect(audit.entries).toMatchObject([
      { event: 'intent', caller, trace },
      { event: 'outcome', caller, trace },
    ])
    expect(unexpected).toEqual([])
  })

  it('that is no call is served without a record', async () => {
    const { post, recorded } = await openEndpoint()
    const reply = await post(modern('tools/list'))
    expect(messagesIn(reply.text)).toMatchObject([{ result: { tools: [{ name: 'readNote' }, { name: 'writeNote' }] } }])
    expect(recorded()).toEqual([])
  })

  it(`${verifies('P15')} needs no session: those with one id at the same time do not meet`, async () => {
    const { port, post, backend, recorded } = await openEndpoint()
    const held = holdingBackend()
    backend.answer = held.answer
    const replies = [post(modernCall('readNote', 'one')), post(modernCall('readNote', 'two'))]
    await soon(() => held.calls.length).toBe(2)
    held.release()
    const texts = (await Promise.all(replies)).map(({ text }) => text)
    expect(texts[0]).toContain('one')
    expect(texts[1]).toContain('two')
    expect(recorded().map(([event]) => event)).toEqual(['intent', 'intent', 'outcome', 'outcome'])
    expect(port).toBeGreaterThan(0)
  })

  it(`${verifies('P7', 'P15')} whose token lacks the scope is refused with 403, on record`, async () => {
    const { post, recorded } = await openEndpoint({ resource })
    const reply = await post(modernCall('writeNote'), requester('ada', 'app', ['notes:read']))
    expect([reply.status, codeIn(reply.text)]).toEqual([403, 'FORBIDDEN'])
    expect(reply.headers['www-authenticate']).toBe(resource.insufficient(['notes:read', 'notes:write']))
    expect(recorded()).toEqual([['denied', 'FORBIDDEN']])
  })

  it(`${verifies('P15')} has its scopes checked again where the tool is called`, async () => {
    // Without a resource nothing else checks them.
    const { post, recorded } = await openEndpoint()
    const [message] = messagesIn((await post(modernCall('writeNote'), requester('ada', 'app', []))).text)
    expect(message).toMatchObject({ result: { isError: true, _meta: { code: 'FORBIDDEN' } } })
    const { scopes: _, ...local } = ADA
    const served = await post(modernCall('writeNote'), { ...local, scopes: undefined })
    expect(messagesIn(served.text)).toMatchObject([{ result: { structuredContent: { text: 'hello' } } }])
    expect(recorded()).toEqual([
      ['denied', 'FORBIDDEN'],
      ['intent', undefined],
      ['outcome', undefined],
    ])
  })

  it.each<[string, (good: McpRequest) => McpRequest]>([
    [
      'another tool in its header',
      ({ headers, message }) => ({ headers: { ...headers, 'Mcp-Name': 'other' }, message }),
    ],
    [
      'another method in its header',
      ({ headers, message }) => ({ headers: { ...headers, 'Mcp-Method': 'tools/list' }, message }),
    ],
    [
      'an unknown version',
      ({ headers, message }) => ({ headers: { ...headers, 'MCP-Protocol-Version': '2999-01-01' }, message }),
    ],
    [
      'another content type',
      ({ headers, message }) => ({ headers: { ...headers, 'Content-Type': 'text/plain' }, message }),
    ],
    ['the name of no tool', () => modernCall('noTool')],
    ['no name', () => modern('tools/call', { arguments: {} })],
    ['no id', ({ headers, message: { id: _, ...message } }) => ({ headers, message })],
  ])(`${verifies('P7')} with %s is refused with a code, on record once`, async (_, spoil) => {
    const { post, recorded } = await openEndpoint()
    const reply = await post(spoil(modernCall()))
    expect(codeIn(reply.text)).toBe('INVALID_INPUT')
    expect(recorded()).toEqual([['denied', 'INVALID_INPUT']])
  })

  it(`${verifies('P7', 'P16')} is cancelled when its client disconnects, and ends on record`, async () => {
    const { port, endpoint, backend, recorded } = await openEndpoint()
    const held = holdingBackend()
    backend.answer = held.answer
    const call = begin(port, modernCall())
    await soon(() => held.calls.length).toBe(1)
    call.destroy()
    await soon(() => held.calls[0]?.signal.aborted).toBe(true)
    await soon(recorded).toEqual([
      ['intent', undefined],
      ['outcome', 'CANCELLED'],
    ])
    await endpoint.idle(1_000)
  })

  it('that subscribes is answered at once and ends: the server sends no notifications', async () => {
    const { post } = await openEndpoint()
    const reply = await post(modern('subscriptions/listen', { notifications: { toolsListChanged: true } }))
    expect(reply.status).toBe(200)
    expect(messagesIn(reply.text).at(-1)).toMatchObject({ id: 1, result: { resultType: 'complete' } })
  })

  it('that breaks the protocol is told to the operator', async () => {
    const { post, protocolFaults } = await openEndpoint()
    const { headers, message } = modernCall()
    await post({ headers: { ...headers, 'Mcp-Name': 'other' }, message })
    expect(protocolFaults.length).toBeGreaterThan(0)
  })
})

describe('a legacy request', () => {
  it(`${verifies('P7')} is served in its session, and calls are on record`, async () => {
    const { post, begin, recorded } = await openEndpoint()
    const id = await begin()
    const reply = await post(legacyCall(id, 7))
    expect(messagesIn(reply.text)).toMatchObject([{ id: 7, result: { structuredContent: { text: 'hello' } } }])
    expect(recorded().map(([event]) => event)).toEqual(['intent', 'outcome'])
    expect((await post(legacyCall(id, 7), requester('ben'))).status).toBe(404)
  })

  it('without a session is refused, be it a call, an answer, a GET or a DELETE', async () => {
    const { port, post, recorded } = await openEndpoint()
    const { headers, message } = legacyCall('', 1)
    const { 'Mcp-Session-Id': _, 'MCP-Protocol-Version': __, ...without } = headers
    expect((await post({ headers: without, message })).status).toBe(400)
    expect((await post(legacy({ id: 1, result: {} }))).status).toBe(400)
    for (const method of ['GET', 'DELETE']) expect((await send(port, { method, path: '/mcp' })).status).toBe(400)
    expect(recorded()).toEqual([['denied', 'INVALID_INPUT']])
  })

  it('for the stream of a session has its headers at once', async () => {
    const { port, begin } = await openEndpoint()
    const stream = new RawConnection(port)
    stream.send(`GET /mcp HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${await begin()}\r\n\r\n`)
    await soon(() => stream.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\n/)
  })

  it(`${verifies('P16')} keeps its session in use until its reply is sent or its client has disconnected`, async () => {
    const { port, post, begin } = await openEndpoint()
    const ids: string[] = []
    for (let count = 0; count < 32; count += 1) ids.push(await begin())
    const streams = ids.map(id => {
      const stream = new RawConnection(port)
      stream.send(`GET /mcp HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${id}\r\n\r\n`)
      return stream
    })
    for (const stream of streams) await soon(() => stream.received).toContain('200 OK')
    expect((await post(initialize())).status).toBe(429)
    streams[0]?.destroy()
    await soon(async () => (await post(initialize())).status).toBe(200)
  })

  it(`${verifies('P16')} whose client has disconnected before it is served leaves its session idle`, async () => {
    let waits = false
    let served = 0
    const { port, post, begin } = await openEndpoint({
      async before() {
        if (waits) await pause(60)
        served += 1
      },
    })
    const ids: string[] = []
    for (let count = 0; count < 32; count += 1) ids.push(await begin())
    waits = true
    served = 0
    for (const id of ids) {
      const stream = new RawConnection(port)
      stream.send(`GET /mcp HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${id}\r\n\r\n`)
      setTimeout(() => stream.destroy(), 20)
    }
    await soon(() => served).toBe(32)
    waits = false
    await soon(async () => (await post(initialize())).status).toBe(200)
  })
})
