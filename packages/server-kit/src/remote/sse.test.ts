import { describe, expect, it, vi } from 'vitest'
import { openEventStream } from './sse.ts'

/** A stream that the test writes to. */
function source() {
  const cancelled = vi.fn()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({
    start: given => {
      controller = given
    },
    cancel: cancelled,
  })
  const headers = { 'Content-Type': 'text/event-stream', 'Mcp-Session-Id': 's' }
  return {
    response: new Response(body, { status: 200, headers }),
    cancelled,
    write: (text: string): void => controller?.enqueue(new TextEncoder().encode(text)),
    end: (): void => controller?.close(),
  }
}

describe('an event stream', () => {
  it('begins with a comment at once, while there is no event yet', async () => {
    const { response } = source()
    const reader = openEventStream(response, new AbortController().signal).body?.getReader()
    const first = await reader?.read()
    expect(new TextDecoder().decode(first?.value)).toBe(':\n\n')
  })

  it('is passed on as it is, with its status and headers', async () => {
    const { response, write, end } = source()
    const stream = openEventStream(response, new AbortController().signal)
    write('data: 1\n\n')
    write('data: 2\n\n')
    end()
    expect(stream.status).toBe(200)
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    expect(stream.headers.get('mcp-session-id')).toBe('s')
    expect(await stream.text()).toBe(':\n\ndata: 1\n\ndata: 2\n\n')
  })

  it('ends when its reader has gone, and tells its source', async () => {
    const { response, cancelled } = source()
    const gone = new AbortController()
    const reader = openEventStream(response, gone.signal).body?.getReader()
    await reader?.read()
    const next = reader?.read()
    gone.abort(new Error('gone'))
    await expect(next).rejects.toThrow('gone')
    expect(cancelled).toHaveBeenCalledOnce()
  })

  it('is made of a successful reply only: an error and a reply without a body are left as they are', () => {
    for (const response of [new Response('{}', { status: 409 }), new Response(null, { status: 202 })])
      expect(openEventStream(response, new AbortController().signal)).toBe(response)
  })
})
