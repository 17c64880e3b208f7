import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { begin, openEndpoint } from '../../test/remote/endpoint-world.ts'
import { RawConnection } from '../../test/remote/loopback.ts'
import { codeIn, legacyCall, modern, modernCall } from '../../test/remote/messages.ts'
import { requester } from '../../test/remote/session-world.ts'
import { soon } from '../../test/remote/soon.ts'
import { holdingBackend } from '../../test/remote/tools.ts'

const ADA = requester()

describe('the endpoint', () => {
  it(`${verifies('P7')} records what was not admitted, and says what to answer`, async () => {
    const { endpoint, audit } = await openEndpoint()
    const fault = { code: 'FORBIDDEN', reason: 'no' }
    expect(endpoint.refuse(ADA, fault)).toMatchObject({ id: null, error: { message: 'FORBIDDEN: no' } })
    const { message } = modernCall('readNote', 'hello', 5)
    expect(endpoint.refuse(ADA, { ...fault, message })).toMatchObject({ id: 5, error: { message: 'FORBIDDEN: no' } })
    expect(endpoint.refuse(ADA, { ...fault, message: { id: 1, result: {} } })).toBeNull()
    expect(audit.entries).toMatchObject([
      { event: 'denied', error: { code: 'FORBIDDEN', message: 'no' }, caller: ADA.caller },
      { event: 'denied', tool: 'readNote', caller: ADA.caller },
    ])
  })

  it(`${verifies('P16')} refuses a caller’s 65th call, over both eras together`, async () => {
    const { port, post, begin: session, backend, recorded } = await openEndpoint()
    const held = holdingBackend()
    backend.answer = held.answer
    const id = await session()
    for (let count = 0; count < 32; count += 1) {
      begin(port, modernCall())
      begin(port, legacyCall(id, count))
    }
    await soon(() => held.calls.length).toBe(64)
    for (const call of [modernCall(), legacyCall(id, 'one more')]) {
      const refused = await post(call)
      expect([refused.status, codeIn(refused.text)]).toEqual([429, 'RATE_LIMITED'])
    }
    held.release()
    await soon(() => recorded().filter(([event]) => event === 'outcome').length).toBe(64)
    backend.answer = async text => text
    expect((await post(modernCall())).status).toBe(200)
  })

  it('is idle once no request is being served', async () => {
    const { port, endpoint, backend, recorded } = await openEndpoint()
    const held = holdingBackend()
    backend.answer = held.answer
    await endpoint.idle(10_000)
    const call = begin(port, modernCall())
    await soon(() => held.calls.length).toBe(1)
    let isIdle = false
    const idle = endpoint.idle(10_000).then(() => {
      isIdle = true
    })
    await pause(50)
    expect(isIdle).toBe(false)
    held.release()
    await idle
    expect(recorded().map(([event]) => event)).toEqual(['intent', 'outcome'])
    await call.done
  })

  it(`${verifies('P7')} ends on record, with its sessions and with every call that is still open`, async () => {
    const { port, post, endpoint, begin: session, backend, recorded } = await openEndpoint()
    const held = holdingBackend()
    // A backend that does not hear that it is over.
    backend.answer = (text, call) => held.answer(text, { ...call, signal: new AbortController().signal })
    const id = await session()
    begin(port, modernCall())
    begin(port, legacyCall(id, 1))
    await soon(() => held.calls.length).toBe(2)
    const stream = new RawConnection(port)
    stream.send(`GET /mcp HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${id}\r\n\r\n`)
    await soon(() => stream.received).toContain('200 OK')
    await endpoint.close()
    expect(recorded()).toEqual([
      ['intent', undefined],
      ['intent', undefined],
      ['outcome', 'CANCELLED'],
      ['outcome', 'CANCELLED'],
    ])
    // The last chunk.
    await soon(() => stream.received).toMatch(/\r\n0\r\n\r\n$/)
    expect((await post(legacyCall(id, 2))).status).toBe(404)
    await endpoint.idle(10_000)
  })

  it('reports what it cannot serve because it has ended', async () => {
    const { endpoint, post, protocolFaults } = await openEndpoint()
    await endpoint.close()
    expect((await post(modern('tools/list'))).status).toBe(500)
    expect(protocolFaults.map(({ message }) => message)).toEqual(['This MCP handler has been closed'])
  })
})
