import { getEventListeners } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { stopClock } from '../../test/remote/clock.ts'
import { countReachable } from '../../test/remote/garbage.ts'
import { RawConnection, type Reply, send } from '../../test/remote/loopback.ts'
import { ADA, openRoutes } from '../../test/remote/routing.ts'
import { soon } from '../../test/remote/soon.ts'
import { Refusal, type Requester } from './admission.ts'

const BODY = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
const POST = { method: 'POST', path: '/mcp', body: BODY }
const STOPPING = { code: 'BACKEND_UNAVAILABLE', reason: 'this server is stopping: try again' }

function expectStopped({ status, headers }: Reply): void {
  expect([status, headers['retry-after'], headers.connection]).toEqual([503, '1', 'close'])
}

/** Admits callers when the test lets it. */
function holdingAdmission() {
  const waiting: ((requester: Requester) => void)[] = []
  return {
    waiting,
    admit: (_: IncomingMessage): Promise<Requester> => new Promise(resolve => void waiting.push(resolve)),
  }
}

describe('a server that stops', () => {
  it(`${verifies('P7')} refuses what comes after that, on record`, async () => {
    const { port, stopping, serve, refuse } = await openRoutes()
    stopping.abort()
    for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) expectStopped(await send(port, { ...POST, method }))
    expect(refuse.mock.calls.map(([{ caller }, fault]) => [caller.id, fault])).toEqual(Array(4).fill(['', STOPPING]))
    expect(serve).not.toHaveBeenCalled()
  })

  it(`${verifies('P7')} refuses a request whose caller is not known yet, on record`, async () => {
    const { waiting, admit } = holdingAdmission()
    const { port, stopping, serve, refuse } = await openRoutes({ admit })
    const reply = send(port, POST)
    await soon(() => waiting.length).toBe(1)
    stopping.abort()
    expectStopped(await reply)
    waiting[0]?.(ADA)
    expect(refuse.mock.calls.map(([{ caller }, fault]) => [caller.id, fault])).toEqual([['', STOPPING]])
    expect(serve).not.toHaveBeenCalled()
  })

  it(`${verifies('P7', 'P8')} refuses a request whose body is not whole yet, on record`, async () => {
    const admit = vi.fn(async () => ADA)
    const { port, stopping, serve, refuse } = await openRoutes({ admit })
    const connection = new RawConnection(port)
    connection.send(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${BODY.length}\r\n\r\n{`)
    await soon(() => admit.mock.calls.length).toBe(1)
    await new Promise(resolve => setTimeout(resolve, 20))
    stopping.abort()
    await soon(() => connection.received).toMatch(/^HTTP\/1\.1 503 /)
    connection.send(BODY.slice(1))
    await connection.closed
    expect(refuse.mock.calls.map(([{ caller }, fault]) => [caller.id, fault])).toEqual([['ada', STOPPING]])
    expect(serve).not.toHaveBeenCalled()
  })

  it(`${verifies('P7', 'P8')} refuses a request whose caller has just been admitted, before its body is waited for`, async () => {
    const admit = async (request: IncomingMessage): Promise<Requester> => {
      // The length is looked at when the body is about to be read.
      Object.defineProperty(request.headers, 'content-length', {
        get() {
          stopping.abort()
          return String(BODY.length)
        },
      })
      return ADA
    }
    const { port, stopping, serve, refuse } = await openRoutes({ admit })
    expectStopped(await send(port, POST))
    expect(refuse.mock.calls.map(([{ caller }, fault]) => [caller.id, fault])).toEqual([['ada', STOPPING]])
    expect(serve).not.toHaveBeenCalled()
  })

  it('does not disturb a request that is being served', async () => {
    const { port, stopping, serve } = await openRoutes()
    serve.mockImplementation(async (_, res) => {
      stopping.abort()
      res.end('served')
    })
    expect((await send(port, POST)).text).toBe('served')
  })
})

describe('requests that wait', () => {
  it('share one listener for the stop, and are all refused by it', async () => {
    const { waiting, admit } = holdingAdmission()
    const { port, stopping } = await openRoutes({ admit })
    const warned = vi.fn()
    process.on('warning', warned)
    const replies = Array.from({ length: 30 }, () => send(port, POST))
    await soon(() => waiting.length).toBe(30)
    expect(getEventListeners(stopping.signal, 'abort')).toHaveLength(1)
    stopping.abort()
    for (const reply of await Promise.all(replies)) expectStopped(reply)
    process.off('warning', warned)
    expect(warned).not.toHaveBeenCalled()
  })

  it('are not kept once they are answered', async () => {
    const callers: WeakRef<Requester>[] = []
    const admit = async (): Promise<Requester> => {
      const requester = { ...ADA }
      callers.push(new WeakRef(requester))
      return requester
    }
    const { port, stopping, serve } = await openRoutes({ admit })
    for (let count = 0; count < 20; count += 1) await send(port, POST)
    serve.mockClear()
    expect(callers).toHaveLength(20)
    // The last ones may still be on their way out.
    expect(await countReachable(callers)).toBeLessThan(5)
    expect(getEventListeners(stopping.signal, 'abort')).toHaveLength(1)
  })
})

describe('the operator’s log', () => {
  const unavailable = (cause?: Error) => async (): Promise<never> => {
    throw new Refusal(503, 'BACKEND_UNAVAILABLE', 'try again', {}, cause)
  }

  it(`${verifies('P16')} gets the cause of refusals once in ten seconds, however many there are`, async () => {
    const clock = stopClock()
    const cause = new Error('ECONNREFUSED')
    const { port, faults } = await openRoutes({ admit: unavailable(cause) })
    const flood = async (): Promise<void> => {
      const replies = await Promise.all(Array.from({ length: 10 }, () => send(port, POST)))
      for (const { status, text } of replies) {
        expect(status).toBe(503)
        expect(text).not.toContain('ECONNREFUSED')
      }
    }
    await flood()
    expect(faults).toEqual([cause])
    clock.advance(9_999)
    await flood()
    expect(faults).toEqual([cause])
    clock.advance(1)
    await flood()
    expect(faults).toEqual([cause, cause])
  })

  it('gets nothing of refusals without a cause: they concern their caller only', async () => {
    const { port, faults } = await openRoutes({ admit: unavailable() })
    expect((await send(port, POST)).status).toBe(503)
    expect(faults).toEqual([])
  })
})
