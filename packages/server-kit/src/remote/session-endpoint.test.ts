import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { initialize, legacy, legacyCall, messagesIn } from '../../test/remote/messages.ts'
import { openSessions, requester } from '../../test/remote/session-world.ts'
import { soon } from '../../test/remote/soon.ts'
import { holdingBackend } from '../../test/remote/tools.ts'

const ADA = requester()
const OTHERS = [
  ['another person', requester('ben')],
  ['another program of hers', requester('ada', 'other')],
  ['names that join to the same', requester('adaapp', '')],
  ['her name in upper case', requester('ADA')],
] as const

/** The shape of a refusal: all but the ids of the calls. */
async function shapeOf(response: Response): Promise<unknown> {
  return [response.status, (await response.text()).replace(/[0-9a-f]{32}/g, '')]
}

describe('a legacy session', () => {
  it('is opened by initialize, and serves calls after that', async () => {
    const { post, audit } = openSessions()
    const opened = await post(initialize())
    expect(opened.status).toBe(200)
    const id = opened.headers.get('mcp-session-id') ?? ''
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(messagesIn(await opened.text())).toMatchObject([{ id: 0, result: { serverInfo: { name: 'test-server' } } }])
    expect((await post(legacy({ method: 'notifications/initialized' }, id))).status).toBe(202)
    const listed = messagesIn(await (await post(legacy({ id: 1, method: 'tools/list' }, id))).text())
    expect(listed).toMatchObject([{ id: 1, result: { tools: [{ name: 'readNote' }, { name: 'writeNote' }] } }])
    expect(audit.entries).toEqual([])
    const called = messagesIn(await (await post(legacyCall(id, 2))).text())
    expect(called).toMatchObject([{ id: 2, result: { structuredContent: { text: 'hello' } } }])
    expect(audit.entries.map(({ event, caller }) => [event, caller])).toEqual(
      ['intent', 'outcome'].map(event => [event, { ...ADA.caller, client: { name: 'test-client', version: '1.0.0' } }]),
    )
  })

  it(`${verifies('P7')} is needed for every other request: without one it is refused, and a call is on record`, async () => {
    const { post, ask, audit, finish } = openSessions()
    const reason = 'there is no session yet: send initialize first'
    const { headers, message } = legacyCall('', 5)
    const { 'Mcp-Session-Id': _, ...without } = headers
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const response = await post({ headers: { ...without, traceparent }, message })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ id: 5, error: { message: `INVALID_INPUT: ${reason}` } })
    expect(audit.entries).toMatchObject([
      { event: 'denied', tool: 'readNote', caller: ADA.caller, trace: { traceId: 'a'.repeat(32) } },
    ])
    for (const refused of [
      await ask('GET', undefined),
      await ask('DELETE', undefined),
      await post(legacy({ method: 'notifications/initialized' })),
      await post(legacy({ id: 1, result: {} })),
    ]) {
      expect(refused.status).toBe(400)
      expect(await refused.json()).toEqual({ error: reason })
    }
    expect(audit.entries).toHaveLength(1)
    expect(finish).toEqual([])
  })

  it.each(['', 'x', '../..', '6ee6ea4b-981d-4b7f-8ef3-63797fa2b309'])(
    `${verifies('P7', 'P15')} is not created for an id that the client chose, not even by initialize: %j`,
    async id => {
      const { post, ask } = openSessions()
      for (const refused of [
        await post(legacyCall(id, 1)),
        await post(legacy(initialize().message, id)),
        await ask('GET', id),
        await ask('DELETE', id),
      ])
        expect(refused.status).toBe(404)
    },
  )

  it.each(OTHERS)(`${verifies('P15')} does not exist for %s`, async (_, other) => {
    const { post, ask, begin, callIn, audit, finish } = openSessions()
    const id = await begin()
    const [hers, nobodys] = [await post(legacyCall(id, 1), other), await post(legacyCall('unknown', 1), other)]
    expect(hers.status).toBe(404)
    expect(await shapeOf(hers)).toEqual(await shapeOf(nobodys))
    expect(audit.entries[0]).toMatchObject({ event: 'denied', tool: 'readNote', caller: other.caller })
    for (const method of ['GET', 'DELETE'] as const) {
      const refused = await ask(method, id, other)
      expect(refused.status).toBe(404)
      expect(await refused.json()).toEqual({ error: 'there is no such session: open a new one with initialize' })
    }
    expect((await post(legacy({ id: 1, result: {} }, id), other)).status).toBe(404)
    // Nobody else keeps it from being idle.
    expect(finish).toEqual([])
    expect(await callIn(id)).toBe(200)
  })

  it(`${verifies('P15')} is not opened by an initialize that the SDK refuses`, async () => {
    const { post, ask, begin, callIn } = openSessions()
    const id = await begin()
    const closed = vi.spyOn(WebStandardStreamableHTTPServerTransport.prototype, 'close')
    onTestFinished(() => closed.mockRestore())
    const { headers, message } = initialize()
    const refused = await post({ headers: { ...headers, Accept: 'text/plain' }, message })
    expect(refused.status).toBe(406)
    expect(refused.headers.get('mcp-session-id')).toBeNull()
    expect(closed).toHaveBeenCalledOnce()
    expect((await ask('GET', '')).status).toBe(404)
    expect(await callIn(id)).toBe(200)
  })

  it('is opened once: a second initialize in it is refused and changes nothing', async () => {
    const { post, begin, callIn } = openSessions()
    const id = await begin()
    expect((await post(legacy(initialize().message, id))).status).toBe(400)
    expect(await callIn(id)).toBe(200)
  })

  it(`${verifies('P15')} has the scopes of each request’s own token`, async () => {
    const { post, begin } = openSessions()
    const id = await begin(requester('ada', 'app', []))
    const codeWith = async (scopes: string[], callId: number): Promise<unknown> => {
      const response = await post(legacyCall(id, callId, 'writeNote'), requester('ada', 'app', scopes))
      const [message] = messagesIn(await response.text())
      return (message?.result as { _meta?: { code?: string } })?._meta?.code
    }
    expect(await codeWith([], 1)).toBe('FORBIDDEN')
    expect(await codeWith(['notes:read'], 2)).toBe('FORBIDDEN')
    expect(await codeWith(['notes:write'], 3)).toBeUndefined()
    expect(await codeWith([], 4)).toBe('FORBIDDEN')
  })

  it('has one stream for the server’s own messages, which begins at once and can be opened again', async () => {
    const { ask, begin, finish } = openSessions()
    const id = await begin()
    const gone = new AbortController()
    const stream = await ask('GET', id, ADA, gone.signal)
    expect(stream.status).toBe(200)
    const reader = stream.body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(':\n\n')
    expect((await ask('GET', id)).status).toBe(409)
    gone.abort()
    await expect(reader?.read()).rejects.toThrow()
    expect((await ask('GET', id)).status).toBe(200)
    expect(finish).toHaveLength(3)
  })

  it(`${verifies('P7')} ends by DELETE, with its streams and its calls, which are cancelled on record`, async () => {
    const { post, ask, begin, audit, backend } = openSessions()
    const held = holdingBackend()
    backend.answer = held.answer
    const [id, other] = [await begin(), await begin()]
    const stream = await ask('GET', id)
    await post(legacyCall(id, 1))
    await post(legacyCall(other, 1))
    await soon(() => held.calls.length).toBe(2)
    expect((await ask('DELETE', id)).status).toBe(200)
    expect(held.calls.map(({ signal }) => signal.aborted)).toEqual([true, false])
    await soon(() => audit.entries.at(-1)).toMatchObject({ event: 'outcome', error: { code: 'CANCELLED' } })
    expect(await stream.text()).toBe(':\n\n')
    for (const method of ['GET', 'DELETE'] as const) expect((await ask(method, id)).status).toBe(404)
    expect((await post(legacyCall(id, 2))).status).toBe(404)
  })

  it(`${verifies('P7')} has a call of an unknown tool refused with a code, on record`, async () => {
    const { post, begin, audit } = openSessions()
    const [message] = messagesIn(await (await post(legacyCall(await begin(), 1, 'noTool'))).text())
    expect(message).toMatchObject({ id: 1, error: { data: { code: 'INVALID_INPUT' } } })
    expect(audit.entries).toMatchObject([{ event: 'denied', tool: 'noTool', error: { code: 'INVALID_INPUT' } }])
  })

  it('ends with the endpoint', async () => {
    const { endpoint, ask, begin } = openSessions()
    const ids = [await begin(), await begin(requester('ben'))]
    const stream = await ask('GET', ids[0])
    endpoint.close()
    expect(await stream.text()).toBe(':\n\n')
    for (const [n, id] of ids.entries()) expect((await ask('GET', id, n ? requester('ben') : ADA)).status).toBe(404)
  })
})

describe('a call that its caller cancels', () => {
  const cancel = (session: string, requestId: unknown) =>
    legacy({ method: 'notifications/cancelled', params: { requestId } }, session)

  it(`${verifies('P7')} ends on record, and its stream ends with an answer`, async () => {
    const { post, begin, audit, backend } = openSessions()
    const held = holdingBackend()
    backend.answer = held.answer
    const id = await begin()
    const call = await post(legacyCall(id, 'c'))
    await soon(() => held.calls.length).toBe(1)
    expect((await post(cancel(id, 'c'))).status).toBe(202)
    expect(held.calls[0]?.signal.aborted).toBe(true)
    expect(messagesIn(await call.text())).toEqual([
      { jsonrpc: '2.0', id: 'c', error: { code: -32800, message: 'CANCELLED: you cancelled this call' } },
    ])
    expect(audit.entries.map(({ event, error }) => [event, error?.code])).toEqual([
      ['intent', undefined],
      ['outcome', 'CANCELLED'],
    ])
  })

  it(`${verifies('P7')} is cancelled in its own session only`, async () => {
    const { post, begin, backend } = openSessions()
    const held = holdingBackend()
    backend.answer = held.answer
    const [id, other] = [await begin(), await begin()]
    const call = await post(legacyCall(id, 'c'))
    await soon(() => held.calls.length).toBe(1)
    expect((await post(cancel(other, 'c'))).status).toBe(202)
    expect((await post(cancel(id, 'c'), requester('ben'))).status).toBe(404)
    expect(held.calls[0]?.signal.aborted).toBe(false)
    held.release()
    expect(messagesIn(await call.text())).toMatchObject([{ id: 'c', result: {} }])
  })

  it(`${verifies('P16')} has to be in flight: ids of other calls are not kept`, async () => {
    const { post, begin } = openSessions()
    const id = await begin()
    await (await post(legacyCall(id, 'over'))).text()
    for (const requestId of ['over', 'later', 7, undefined, null, {}, ['c'], 1.5, 'x'.repeat(300)])
      expect((await post(cancel(id, requestId))).status).toBe(202)
    for (const params of [undefined, null])
      expect([202, 400]).toContain((await post(legacy({ method: 'notifications/cancelled', params }, id))).status)
    // A later call with such an id has the answer that its handler gives.
    for (const callId of ['over', 'later', 7])
      expect(messagesIn(await (await post(legacyCall(id, callId))).text())).toMatchObject([
        { id: callId, result: { structuredContent: { text: 'hello' } } },
      ])
  })

  it('does not disturb the others', async () => {
    const { post, begin, backend } = openSessions()
    const held = holdingBackend()
    backend.answer = held.answer
    const id = await begin()
    const calls = [await post(legacyCall(id, 1)), await post(legacyCall(id, 2))]
    await soon(() => held.calls.length).toBe(2)
    await post(cancel(id, 1))
    held.release()
    expect(messagesIn((await calls[1]?.text()) ?? '')).toMatchObject([{ id: 2, result: {} }])
    expect(messagesIn((await calls[0]?.text()) ?? '')).toMatchObject([{ id: 1, error: { code: -32800 } }])
  })
})
