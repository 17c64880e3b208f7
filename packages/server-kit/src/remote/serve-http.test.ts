import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { CodedError } from '#call'
import { stopClock } from '../../test/remote/clock.ts'
import { serveInProcess } from '../../test/remote/in-process.ts'
import { RawConnection, send } from '../../test/remote/loopback.ts'
import { initialize, modern, modernCall } from '../../test/remote/messages.ts'
import { claimsOf, signToken } from '../../test/remote/signing-key.ts'
import { soon } from '../../test/remote/soon.ts'
import { reply, TestIssuer } from '../../test/remote/test-issuer.ts'
import { holdingBackend } from '../../test/remote/tools.ts'

const GRACE_MS = 25_000
const URL_OF_SERVER = 'https://mcp.example.com/mcp'
const hasIPv6 = Object.values(networkInterfaces()).some(all => all?.some(({ address }) => address === '::1'))

async function serveWithOAuth(more = {}) {
  const issuer = await TestIssuer.start()
  const oauth = { url: URL_OF_SERVER, issuer: issuer.identifier, audience: [URL_OF_SERVER, 'urn:deputies'] }
  const world = await serveInProcess({ oauth, ...more })
  const tokenFor = async (audience: string, scope = 'notes:read'): Promise<{ Authorization: string }> => ({
    Authorization: `Bearer ${await signToken(issuer.key, claimsOf(issuer.identifier, audience, scope))}`,
  })
  return { ...world, issuer, tokenFor }
}

describe('a remote server', () => {
  it('says on standard output where it listens, and in its log what it serves', async () => {
    const { port, stdout, lines, addressesAt } = await serveInProcess()
    const where = `http://127.0.0.1:${port}/mcp`
    expect(stdout).toBe(`test-server listens at ${where}\n`)
    expect(lines).toMatchObject([
      { level: 40, msg: 'OAUTH_ISSUER is not set: everybody on this machine can call, and nobody is known' },
      {
        level: 30,
        msg: `test-server serves at ${where}`,
        tools: ['readNote', 'writeNote'],
        audit: '/nowhere/audit.jsonl',
      },
    ])
    expect(addressesAt.mock.calls).toEqual([[port]])
  })

  it.skipIf(!hasIPv6)('writes an IPv6 address in brackets', async () => {
    const { port, stdout } = await serveInProcess({ host: '::1' })
    expect(stdout).toBe(`test-server listens at http://[::1]:${port}/mcp\n`)
  })

  it(`${verifies('P15')} without OAuth serves this machine, and knows nobody`, async () => {
    const { post, audit } = await serveInProcess()
    expect((await post(modernCall('writeNote'))).status).toBe(200)
    const caller = { kind: 'os', id: 'unverified', host: '127.0.0.1' }
    expect(audit.entries).toMatchObject([
      { event: 'intent', caller },
      { event: 'outcome', caller },
    ])
    expect((await post(modernCall(), { Host: 'evil.example' })).status).toBe(403)
    expect((await post(modernCall(), { Origin: 'https://evil.example' })).status).toBe(403)
    expect((await post(modernCall(), { 'X-Forwarded-For': '192.0.2.1' })).status).toBe(403)
  })

  it(`${verifies('P15')} with OAuth serves tokens of its issuer for itself, within their scopes`, async () => {
    const { port, post, tokenFor, issuer, audit, lines } = await serveWithOAuth()
    for (const audience of [URL_OF_SERVER, 'urn:deputies'])
      expect((await post(modernCall(), await tokenFor(audience))).status).toBe(200)
    expect(audit.entries[0]?.caller).toMatchObject({ kind: 'oauth', id: 'ada', clientId: 'app' })
    expect((await post(modernCall(), await tokenFor('https://other.example.com/mcp'))).status).toBe(401)
    const challenged = await post(modernCall())
    expect(challenged.status).toBe(401)
    expect(challenged.headers['www-authenticate']).toContain('/.well-known/oauth-protected-resource/mcp"')
    const forbidden = await post(modernCall('writeNote'), await tokenFor(URL_OF_SERVER))
    expect([forbidden.status, forbidden.headers['www-authenticate']]).toEqual([
      403,
      expect.stringContaining('scope="notes:read notes:write"'),
    ])
    const metadata = await send(port, { path: '/.well-known/oauth-protected-resource' })
    expect(JSON.parse(metadata.text)).toMatchObject({
      resource: URL_OF_SERVER,
      authorization_servers: [issuer.identifier],
      resource_name: 'test-server',
    })
    expect(lines.filter(({ level }) => level === 40)).toEqual([])
    expect(lines.at(-1)).toMatchObject({ issuer: issuer.identifier })
  })

  it(`${verifies('P16')} is ready if its backend, its audit log and its issuer are, with or without the rest`, async () => {
    const clock = stopClock()
    const backend = vi.fn()
    const { port, issuer, audit, lines } = await serveWithOAuth({
      dependencies: { backend },
      optionalDependencies: {
        store: () => {
          throw new Error('no store')
        },
      },
    })
    const ask = async () => {
      const { status, text } = await send(port, { path: '/readyz' })
      clock.advance(2_001)
      return [status, JSON.parse(text)]
    }
    const all = { backend: 'ok', audit: 'ok', issuer: 'ok', store: 'failed' }
    expect(await ask()).toEqual([200, { ready: true, checks: all }])
    expect(lines.at(-1)).toMatchObject({ level: 40, msg: 'not ready', reason: 'no store', dependency: 'store' })
    audit.isFull = true
    expect(await ask()).toEqual([503, { ready: false, checks: { ...all, audit: 'failed' } }])
    audit.isFull = false
    issuer.instead = (_, response) => reply(response, {}, 500)
    expect(await ask()).toEqual([503, { ready: false, checks: { ...all, issuer: 'failed' } }])
    backend.mockRejectedValue(new Error('no backend'))
    expect(await ask()).toEqual([503, { ready: false, checks: { ...all, issuer: 'failed', backend: 'failed' } }])
  })

  it('without OAuth does not depend on an issuer', async () => {
    const { port } = await serveInProcess()
    expect(JSON.parse((await send(port, { path: '/readyz' })).text)).toEqual({ ready: true, checks: { audit: 'ok' } })
  })
})

describe('a remote server that is told to stop', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('by %s exits with 0, once', async signal => {
    const onStop = vi.fn()
    const { emit, exit, audit } = await serveInProcess({ onStop })
    emit(signal)
    emit('SIGTERM')
    expect(await exit).toBe(0)
    expect(onStop).toHaveBeenCalledOnce()
    expect(audit.isClosed).toBe(true)
    expect(vi.mocked(process.exit)).toHaveBeenCalledOnce()
  })

  it('listens to these signals and to nothing else', async () => {
    const { events } = await serveInProcess()
    expect(events.sort()).toEqual(['SIGHUP', 'SIGINT', 'SIGTERM', 'uncaughtException'])
  })

  it('by an error that nobody caught logs it and exits with 1', async () => {
    const { emit, exit, lines } = await serveInProcess()
    emit('uncaughtException', new Error('a bug'))
    expect(await exit).toBe(1)
    expect(lines).toContainEqual(expect.objectContaining({ level: 60, msg: 'crash', err: expect.anything() }))
  })

  it(`${verifies('P7', 'P16')} gives calls in flight 25 seconds, then ends them on record`, async () => {
    const { port, backend, audit, emit, exit } = await serveInProcess()
    const held = holdingBackend()
    // It goes on when the call is cancelled.
    backend.answer = (text, call) => held.answer(text, { ...call, signal: new AbortController().signal })
    const { headers, message } = modernCall()
    const body = JSON.stringify(message)
    const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers, 'Content-Length': `${body.length}` })
    const call = new RawConnection(port)
    call.send(`POST /mcp HTTP/1.1\r\n${lines.map(line => line.join(': ')).join('\r\n')}\r\n\r\n${body}`)
    await soon(() => held.calls.length).toBe(1)
    call.destroy()
    const clock = stopClock()
    emit('SIGTERM')
    const exited = vi.fn()
    const ending = exit.then(exited)
    clock.advance(GRACE_MS - 1)
    await pause(80)
    expect(exited).not.toHaveBeenCalled()
    expect(audit.entries.map(({ event }) => event)).toEqual(['intent'])
    clock.advance(1)
    await ending
    expect(exited).toHaveBeenCalledWith(0)
    expect(audit.entries.map(({ event, error }) => [event, error?.code])).toEqual([
      ['intent', undefined],
      ['outcome', 'CANCELLED'],
    ])
  })

  it(`${verifies('P16')} gives replies one second to be sent: a stream may have no end`, async () => {
    const { port, post, emit, exit } = await serveInProcess()
    const session = (await post(initialize())).headers['mcp-session-id']
    const stream = new RawConnection(port)
    const head = `Host: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${session}`
    stream.send(`GET /mcp HTTP/1.1\r\n${head}\r\n\r\n`)
    await soon(() => stream.received).toContain('200 OK')
    const began = performance.now()
    emit('SIGTERM')
    await exit
    expect(performance.now() - began).toBeGreaterThan(950)
    expect(performance.now() - began).toBeLessThan(4_000)
    await stream.closed
  })

  it(`${verifies('P7')} takes nothing more, and closes its audit log when nothing is served any more`, async () => {
    const order: unknown[] = []
    const events = (): string[] => audit.entries.map(({ event }) => event)
    const { port, post, backend, audit, emit, exit } = await serveInProcess({
      onStop: () => void order.push(['stopped', events()]),
    })
    const { close } = audit
    audit.close = () => {
      order.push('audit closed')
      close()
    }
    const held = holdingBackend()
    backend.answer = held.answer
    const call = post(modernCall())
    await soon(() => held.calls.length).toBe(1)
    emit('SIGTERM')
    const late = await post(modern('tools/list'))
    expect([late.status, late.headers['retry-after']]).toEqual([503, '1'])
    expect((await send(port, { path: '/readyz' })).status).toBe(503)
    held.release()
    expect((await call).status).toBe(200)
    await exit
    expect(order).toEqual([['stopped', ['intent', 'denied', 'outcome']], 'audit closed'])
    await expect(send(port, { path: '/healthz' })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it(`${verifies('P12')} does not wait for a human’s answer`, async () => {
    const ask = vi.fn()
    const { post, emit, exit } = await serveInProcess(
      {},
      {
        of: (_, { stopping }) => ({
          digest: () => '',
          ask: async () => {
            ask(stopping?.aborted)
            await once(stopping as AbortSignal, 'abort')
            throw new CodedError('CONFIRMATION_UNAVAILABLE', 'The server is stopping.')
          },
        }),
      },
    )
    const call = post(modernCall('writeNote'))
    await soon(() => ask.mock.calls).toEqual([[false]])
    emit('SIGTERM')
    expect((await call).text).toContain('CONFIRMATION_UNAVAILABLE')
    expect(await exit).toBe(0)
  })
})
