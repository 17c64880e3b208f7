import { Agent } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'

import { HostileBackend } from '../../hostile-backend.ts'
import { outputOf } from '../../human.ts'
import { errorCodeOf } from '../../running-server.ts'
import { reachingTools, writeTools } from '../../subject.ts'
import { faultsOfKill } from '../kill-under-load.ts'
import { isQuestion, isReply, LegacySession } from '../legacy-session.ts'
import { modernBytes, modernHeaders, modernMessage } from '../modern-message.ts'
import { OpenRequest } from '../open-request.ts'

import { PUBLIC_URL, type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { SlowSender } from '../slow-sender.ts'
import { TokenIssuer } from '../token-issuer.ts'
import { withoutConfirmation } from './sessions.ts'

/** How a server stops on a signal and by kill -9. `pnpm soak kills` repeats the kills. */
export function describeStopping(world: RemoteWorld): void {
  const { subject } = world
  const [tool] = reachingTools(subject)
  const [write] = writeTools(subject)
  if (!tool) throw new Error('every server has a tool that reaches its backend')

  describe('a server that is told to stop', () => {
    let token: string
    let backend: HostileBackend
    /** Lets the backend reply. */
    let release: () => void
    beforeAll(async () => {
      token = await world.token(scopesOf(subject).join(' '))
      backend = await HostileBackend.start(world.access)
    })
    afterAll(() => backend.close())

    /** Starts a server whose backend replies when `release` is called. */
    const serveSlowly = async (): Promise<Remote> => {
      release = backend.hold()
      return await world.serve({ [`${subject.prefix}_API_URL`]: backend.url, ...withoutConfirmation(world) })
    }
    const callModern = ({ server }: Remote, agent?: Agent): OpenRequest => {
      const params = { name: tool.name, arguments: world.valid(tool) }
      const headers = modernHeaders(token, 'tools/call', params)
      const body = JSON.stringify(modernMessage('tools/call', params))
      return new OpenRequest({ port: server.port, method: 'POST', headers, body, ...(agent && { agent }) })
    }
    const callLegacy = async ({ server }: Remote): Promise<OpenRequest> =>
      (await LegacySession.open(server, token)).call(tool.name, world.valid(tool))

    const expectRefused = ({ trail }: Remote, status: number): void => {
      expect(status).toBe(503)
      const [start, denied, ...rest] = trail.records()
      expect([start?.event, denied?.event, denied?.error?.code]).toEqual(['start', 'denied', 'BACKEND_UNAVAILABLE'])
      expect(rest.map(({ event }) => event)).toEqual(['stop'])
    }

    it.each(['legacy', 'modern'] as const)(
      `${verifies('P7')} completes a call in flight, answers it and records it (%s era)`,
      async era => {
        const before = backend.arrivals.length
        const remote = await serveSlowly()
        const call = era === 'modern' ? callModern(remote) : await callLegacy(remote)
        await backend.arrived(before + 1)
        remote.server.child.kill('SIGTERM')
        await waitFor(() => remote.server.stderr.includes('stopping'))
        // Longer than the time in which replies have to be sent.
        await pause(1_500)
        expect(remote.server.child.exitCode).toBeNull()
        // New requests are refused, of a proxy and of a client.
        expect((await remote.server.send('GET', '/readyz')).status).toBe(503)
        const late = await callModern(remote).reply()
        expect([late.status, late.headers['retry-after'], late.headers.connection]).toEqual([503, '1', 'close'])
        release()
        expect(outputOf(await call.message(isReply))).toBeDefined()
        expect(await remote.server.exited).toBe(0)
        const events = remote.trail.records().map(({ event }) => event)
        expect(events.slice(-4)).toEqual(['intent', 'denied', 'outcome', 'stop'])
        expect((await remote.trail.verify()).findings).toEqual([])
      },
    )

    it(`${verifies('P7')} refuses and records new requests on open connections, and is not ready`, async () => {
      const before = backend.arrivals.length
      const remote = await serveSlowly()
      const call = callModern(remote)
      await backend.arrived(before + 1)
      // Connections with an incomplete request stay open when the server stops.
      const [late, health] = [new SlowSender(remote.server.port), new SlowSender(remote.server.port)]
      await Promise.all([late.connected, health.connected])
      const params = { name: tool.name, arguments: world.valid(tool) }
      const { lines, body } = modernBytes(token, 'tools/call', params)
      late.send('POST /mcp HTTP/1.1\r\n')
      health.send('GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n')
      await pause(50)
      remote.server.child.kill('SIGTERM')
      await waitFor(() => remote.server.stderr.includes('stopping'))
      const records = remote.trail.records().length
      late.send(`${lines}\r\n${body}`)
      health.send('\r\n')
      await waitFor(() => late.received.includes('\r\n\r\n') && health.received.includes('\r\n\r\n'))
      expect(late.received).toMatch(/^HTTP\/1\.1 503 /)
      expect(late.received).toMatch(/^Retry-After: \d+\r$/im)
      expect(health.received).toMatch(/^HTTP\/1\.1 503 /)
      expect(health.received).toContain('"ready":false')
      expect(remote.trail.records().slice(records)).toMatchObject([
        { event: 'denied', error: { code: 'BACKEND_UNAVAILABLE' } },
      ])
      release()
      expect(outputOf(await call.message(isReply))).toBeDefined()
      expect(await remote.server.exited).toBe(0)
      late.close()
      health.close()
    })

    it(`${verifies('P7', 'P8')} does not execute a call that was incomplete before`, async () => {
      const before = backend.arrivals.length
      const remote = await serveSlowly()
      const call = callModern(remote)
      await backend.arrived(before + 1)
      const params = { name: tool.name, arguments: world.valid(tool) }
      const { lines, body } = modernBytes(token, 'tools/call', params)
      const late = new SlowSender(remote.server.port)
      late.send(`POST /mcp HTTP/1.1\r\n${lines}\r\n${body.slice(0, 20)}`)
      await pause(100)
      remote.server.child.kill('SIGTERM')
      await waitFor(() => remote.server.stderr.includes('stopping'))
      late.send(body.slice(20))
      await waitFor(() => late.received.includes('\r\n\r\n'))
      expect(late.received).toMatch(/^HTTP\/1\.1 503 /)
      expect(backend.arrivals.length).toBe(before + 1)
      release()
      expect(outputOf(await call.message(isReply))).toBeDefined()
      expect(await remote.server.exited).toBe(0)
      late.close()
    })

    it(`${verifies('P7')} refuses and records a call whose token it cannot verify in time`, async () => {
      const issuer = new TokenIssuer()
      await issuer.open()
      issuer.fault = 'hangs'
      const remote = await world.serve({ OAUTH_ISSUER: issuer.url })
      const unknown = remote.server.call(await issuer.token(PUBLIC_URL, tool.scope), tool.name, world.valid(tool))
      await waitFor(() => issuer.requests.length > 0)
      expect(await remote.server.kill('SIGTERM')).toBe(0)
      expectRefused(remote, (await unknown).status)
      await issuer.close()
    })

    it(`${verifies('P7')} refuses and records a call whose body is not complete`, async () => {
      const remote = await world.serve()
      const params = { name: tool.name, arguments: world.valid(tool) }
      const headers = { ...modernHeaders(token, 'tools/call', params), Host: '127.0.0.1' }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      const begun = new SlowSender(remote.server.port)
      begun.send(`POST /mcp HTTP/1.1\r\n${lines.join('')}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n{`)
      // Now the server waits for the body.
      await waitFor(() => begun.received.includes('100 Continue'))
      expect(await remote.server.kill('SIGTERM')).toBe(0)
      await waitFor(() => begun.isClosed)
      expectRefused(remote, Number(/\r\n\r\nHTTP\/1\.1 (\d+) /.exec(begun.received)?.[1]))
    })

    it('exits at once if there is no call, even with open sessions, streams and connections', async () => {
      const remote = await world.serve()
      const agent = new Agent({ keepAlive: true })
      const session = await LegacySession.open(remote.server, token)
      const stream = session.listen()
      expect(await stream.head()).toBe(200)
      const idle = new OpenRequest({ port: remote.server.port, method: 'GET', path: '/healthz', headers: {}, agent })
      expect((await idle.reply()).status).toBe(200)
      const began = performance.now()
      expect(await remote.server.kill('SIGTERM')).toBe(0)
      expect(performance.now() - began).toBeLessThan(3_000)
      await waitFor(() => stream.ended)
      agent.destroy()
      expect(remote.trail.records().at(-1)?.event).toBe('stop')
    })

    it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
      'exits with 0 on %s, even if it is sent several times',
      async signal => {
        const remote = await world.serve()
        for (let count = 0; count < 3; count += 1) remote.server.child.kill(signal)
        expect(await remote.server.exited).toBe(0)
        expect(remote.trail.records().map(({ event }) => event)).toEqual(['start', 'stop'])
      },
    )

    if (write)
      it(`${verifies('P7', 'P12')} does not wait for the answer to a confirmation request`, async () => {
        const remote = await world.serve()
        const session = await LegacySession.open(remote.server, token)
        const call = session.call(write.name, world.valid(write))
        await call.message(isQuestion)
        const began = performance.now()
        const arrivals = await world.arrivals(async () => {
          remote.server.child.kill('SIGTERM')
          expect(errorCodeOf(await call.message(isReply))).toBe('CONFIRMATION_UNAVAILABLE')
          expect(await remote.server.exited).toBe(0)
        })
        expect(performance.now() - began).toBeLessThan(3_000)
        expect(arrivals).toEqual([])
        const events = remote.trail.records().map(({ event }) => event)
        expect(events).toEqual(['start', 'confirm', 'denied', 'stop'])
      })

    it(`${verifies('P7', 'P9')} by kill -9 has records of all answered calls, and of all requests to the backend`, async () => {
      backend.recover()
      const remote = await world.serve({ [`${subject.prefix}_API_URL`]: backend.url, ...withoutConfirmation(world) })
      const call = { world, remote, token, tool }
      expect(await faultsOfKill({ ...call, backend, answers: 60 })).toEqual([])
    })
  })
}
