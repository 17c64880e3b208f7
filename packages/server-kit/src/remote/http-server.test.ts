import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { listen, nodeServerOf, RawConnection, send } from '../../test/remote/loopback.ts'
import { soon } from '../../test/remote/soon.ts'
import { startHttpServer } from './http-server.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

async function ok(_: IncomingMessage, res: ServerResponse): Promise<void> {
  res.end('ok')
}

/** A server, with Node’s own object for it. */
async function open(handler = ok, onFault?: (fault: unknown) => void) {
  let knows: (node: Server) => void = () => {}
  const known = new Promise<Server>(resolve => {
    knows = resolve
  })
  const server = await listen(async (req, res) => {
    knows(nodeServerOf(req))
    await handler(req, res)
  }, onFault)
  const first = new RawConnection(server.port)
  first.send(GET)
  const node = await known
  first.destroy()
  return { server, port: server.port, node }
}

describe('an HTTP server', () => {
  it('listens at the host and port that it is given, and tells its handler the port', async () => {
    let at = 0
    const server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      handlerAt: port => {
        at = port
        return ok
      },
      onFault: () => {},
    })
    expect(at).toBe(server.port)
    expect((await send(server.port, {})).text).toBe('ok')
    await server.close()
    const again = await startHttpServer({ host: '127.0.0.1', port: at, handlerAt: () => ok, onFault: () => {} })
    expect(again.port).toBe(at)
    await again.close()
  })

  it(`${verifies('P15')} listens nowhere else`, async () => {
    const { node } = await open()
    expect(node.address()).toMatchObject({ address: '127.0.0.1' })
  })

  it('does not start at a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const starting = startHttpServer({ host: '127.0.0.1', port, handlerAt: () => ok, onFault: () => {} })
    await expect(starting).rejects.toMatchObject({ code: 'EADDRINUSE' })
    other.close()
  })

  it(`${verifies('P16')} survives errors of the system while it listens, and reports each`, async () => {
    const onFault = vi.fn()
    const { node, port } = await open(ok, onFault)
    const faults = [new Error('accept EMFILE'), new Error('accept EMFILE')]
    for (const fault of faults) node.emit('error', fault)
    expect(onFault.mock.calls).toEqual(faults.map(fault => [fault]))
    expect((await send(port, {})).text).toBe('ok')
  })
})

describe('the limits of an HTTP server', () => {
  it(`${verifies('P16')} have these values`, async () => {
    const { node } = await open()
    const { headersTimeout, requestTimeout, timeout, keepAliveTimeout, maxConnections } = node
    expect({ headersTimeout, requestTimeout, timeout, keepAliveTimeout, maxConnections }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      timeout: 30_000,
      keepAliveTimeout: 75_000,
      maxConnections: 2_000,
    })
    expect(node).toHaveProperty('connectionsCheckingInterval', 1_000)
  })

  it(`${verifies('P16')} allow headers of 96 kibibytes and no more`, async () => {
    const { port } = await open()
    const statusOf = async (bytes: number) => (await send(port, { headers: { X: 'a'.repeat(bytes) } })).status
    expect(await statusOf(95 * 1024)).toBe(200)
    expect(await statusOf(96 * 1024 + 1)).toBe(431)
  })

  it(`${verifies('P16')} end a request whose headers or body come too slowly`, async () => {
    const { port, node } = await open(
      async (req, res) => {
        for await (const _ of req);
        res.end('ok')
      },
      () => {},
    )
    node.headersTimeout = 100
    node.requestTimeout = 200
    const [head, body] = [new RawConnection(port), new RawConnection(port)]
    head.send('GET / HTTP/1.1\r\nHost: a\r\n')
    body.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{')
    await Promise.all([head.closed, body.closed])
    expect(head.received).toMatch(/^HTTP\/1\.1 408 /)
    expect(body.received).not.toContain('ok')
  })

  it(`${verifies('P16')} drop a client that sends nothing, and one that does not read its reply`, async () => {
    const bytes = 64 * 1024 * 1024
    const dropped = vi.fn()
    const { port, node } = await open(async (req, res) => {
      if (req.url === '/large') res.once('close', () => dropped(res.writableFinished))
      res.end(req.url === '/large' ? Buffer.alloc(bytes) : '')
    })
    node.timeout = 150
    const [silent, deaf] = [new RawConnection(port), new RawConnection(port, { reads: false })]
    deaf.send('GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
    await silent.closed
    await soon(() => dropped.mock.calls).toEqual([[false]])
    // A client that does not read does not see that it was dropped.
    deaf.read()
    await deaf.closed
    expect(deaf.received.length).toBeLessThan(bytes)
  })

  it('do not end a call that takes longer than a client may be slow', async () => {
    const { port, node } = await open(async (_, res) => {
      await pause(300)
      res.end('late')
    })
    node.timeout = 80
    expect((await send(port, {})).text).toBe('late')
  })
})

describe('a request', () => {
  it(`${verifies('P7')} without a Host, or with an unknown Expect, comes to the handler`, async () => {
    const seen: (string | undefined)[] = []
    const { port } = await open(async (req, res) => {
      seen.push(req.headers.expect)
      res.end('ok')
    })
    for (const text of [
      'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nConnection: close\r\n\r\n',
    ]) {
      const connection = new RawConnection(port)
      connection.send(text)
      await connection.closed
      expect(connection.received).toMatch(/^HTTP\/1\.1 200 /)
    }
    expect(seen.slice(1)).toEqual([undefined, undefined, 'miracles'])
  })

  it('whose handler fails is answered with 500, without the cause', async () => {
    const onFault = vi.fn()
    const fault = new Error('at 192.0.2.7')
    let fails = false
    const { port } = await open(async (_, res) => {
      if (fails) throw fault
      res.end()
    }, onFault)
    fails = true
    const reply = await send(port, {})
    expect([reply.status, reply.text]).toEqual([500, '{"error":"the server failed"}'])
    expect(onFault.mock.calls).toEqual([[fault]])
  })

  it('whose handler fails after the reply has begun is broken off', async () => {
    const onFault = vi.fn()
    let fails = false
    const { port } = await open(async (_, res) => {
      res.writeHead(200, { 'Content-Length': '10' }).write('half')
      if (fails) throw new Error('late')
      res.end('123456')
    }, onFault)
    fails = true
    await expect(send(port, {})).rejects.toThrow()
    expect(onFault).toHaveBeenCalledOnce()
  })

  it('leaves no listener behind on a connection that is used again', async () => {
    const counts: number[] = []
    const listeners = (socket: Socket): number =>
      socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0)
    const { port } = await open(async ({ socket }, res) => {
      counts.push(listeners(socket))
      res.end('ok')
    })
    counts.length = 0
    const connection = new RawConnection(port)
    for (let count = 1; count <= 20; count += 1) {
      connection.send(GET)
      await soon(() => connection.received.split('HTTP/1.1 200').length - 1).toBe(count)
    }
    expect(new Set(counts.slice(1)).size).toBe(1)
  })
})

describe('the end of an HTTP server', () => {
  it('waits until every reply is sent', async () => {
    const held: ServerResponse[] = []
    const { server, port } = await open(async (req, res) => {
      if (req.url === '/held') held.push(res)
      else res.end()
    })
    const replies = [send(port, { path: '/held' }), send(port, { path: '/held' })]
    await soon(() => held.length).toBe(2)
    const flushed = vi.fn()
    const flushing = server.flushed(60_000).then(flushed)
    held[0]?.end('one')
    expect((await Promise.race(replies)).text).toBe('one')
    await pause(50)
    expect(flushed).not.toHaveBeenCalled()
    held[1]?.end('two')
    await flushing
    await Promise.all(replies)
    // And there is nothing to wait for.
    await server.flushed(60_000)
  })

  it('does not wait for a reply without an end any longer than told', async () => {
    const { server, port } = await open(async (_, res) => void res.write('data'))
    const connection = new RawConnection(port)
    connection.send(GET)
    await soon(() => connection.received).toContain('data')
    const began = performance.now()
    await server.flushed(100)
    expect(performance.now() - began).toBeGreaterThanOrEqual(90)
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(connection.isClosed).toBe(false)
  })

  it('drops every connection: idle, in the middle of a request, and in the middle of a reply', async () => {
    const { server, port, node } = await open(async (_, res) => void res.write('data'))
    const connections = ['', 'GET / HTTP', GET].map(text => {
      const connection = new RawConnection(port)
      connection.send(text)
      return connection
    })
    await soon(() => connections[2]?.received).toContain('data')
    const closed = vi.fn()
    node.once('close', closed)
    await server.close()
    expect(closed).toHaveBeenCalledOnce()
    await Promise.all(connections.map(({ closed }) => closed))
    await expect(send(port, {})).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
