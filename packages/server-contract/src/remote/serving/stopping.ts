import { Agent } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'
import { isTerminal } from '../../audit-soundness.ts'
import { HostileBackend } from '../../hostile-backend.ts'
import { outputOf } from '../../human.ts'
import { errorCodeOf } from '../../running-server.ts'
import { reachingTools, writeTools } from '../../subject.ts'
import { isQuestion, isReply, LegacySession } from '../legacy-session.ts'
import { modernBytes, modernHeaders, modernMessage } from '../modern-message.ts'
import { OpenRequest } from '../open-request.ts'
import { messageOf, type Reply } from '../remote-server.ts'
import { PUBLIC_URL, type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { SlowSender } from '../slow-sender.ts'
import { TokenIssuer } from '../token-issuer.ts'
import { relaxed } from './sessions.ts'

/** How a server ends, with calls in flight, and how it is ended. */
export function describeStopping(world: RemoteWorld): void {
  const { subject } = world
  const [tool] = reachingTools(subject)
  const [write] = writeTools(subject)
  if (!tool) throw new Error('every server has a tool that reaches its backend')

  describe('a server that is told to stop', () => {
    let token: string
    let backend: HostileBackend
    /** Lets the backend answer what it was asked. */
    let release: () => void
    beforeAll(async () => {
      token = await world.token(scopesOf(subject).join(' '))
      backend = await HostileBackend.start(world.access)
    })
    afterAll(() => backend.close())

    /** One in front of a backend that answers when it is let to. */
    const serveSlowly = async (): Promise<Remote> => {
      release = backend.hold()
      return await world.serve({ [`${subject.prefix}_API_URL`]: backend.url, ...relaxed(world) })
    }
    const callModern = ({ server }: Remote, agent?: Agent): OpenRequest => {
      const params = { name: tool.name, arguments: world.valid(tool) }
      const headers = modernHeaders(token, 'tools/call', params)
      const body = JSON.stringify(modernMessage('tools/call', params))
      return new OpenRequest({ port: server.port, method: 'POST', headers, body, ...(agent && { agent }) })
    }
    const callLegacy = async ({ server }: Remote): Promise<OpenRequest> =>
      (await LegacySession.open(server, token)).call(tool.name, world.valid(tool))

    const expectTurnedAway = ({ trail }: Remote, status: number): void => {
      expect(status).toBe(503)
      const [start, denied, ...rest] = trail.records()
      expect([start?.event, denied?.event, denied?.error?.code]).toEqual(['start', 'denied', 'BACKEND_UNAVAILABLE'])
      expect(rest.map(({ event }) => event)).toEqual(['stop'])
    }

    it.each(['legacy', 'modern'] as const)(
      `${verifies('P7')} lets a call in flight end: done, answered, on record (%s era)`,
      async era => {
        const before = backend.arrivals.length
        const remote = await serveSlowly()
        const call = era === 'modern' ? callModern(remote) : await callLegacy(remote)
        await backend.arrived(before + 1)
        remote.server.child.kill('SIGTERM')
        await waitFor(() => remote.server.stderr.includes('stopping'))
        // Longer than a reply is given to go out.
        await pause(1_500)
        expect(remote.server.child.exitCode).toBeNull()
        // Whoever comes anew is told to go elsewhere: a proxy, and a client that comes without one.
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

    it(`${verifies('P7')} refuses what still comes on connections that are open, on record, and is not ready`, async () => {
      const before = backend.arrivals.length
      const remote = await serveSlowly()
      const call = callModern(remote)
      await backend.arrived(before + 1)
      // A client that has begun a request is still there when the server stops.
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

    it(`${verifies('P7', 'P8')} begins nothing that was not there whole before`, async () => {
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

    it(`${verifies('P7')} refuses a call whose caller it has no time to get to know, on record`, async () => {
      const issuer = new TokenIssuer()
      await issuer.open()
      issuer.fault = 'hangs'
      const remote = await world.serve({ OAUTH_ISSUER: issuer.url })
      const unknown = remote.server.call(await issuer.token(PUBLIC_URL, tool.scope), tool.name, world.valid(tool))
      await waitFor(() => issuer.requests.length > 0)
      expect(await remote.server.kill('SIGTERM')).toBe(0)
      expectTurnedAway(remote, (await unknown).status)
      await issuer.close()
    })

    it(`${verifies('P7')} refuses a call whose end it has no time to wait for, on record`, async () => {
      const remote = await world.serve()
      const params = { name: tool.name, arguments: world.valid(tool) }
      const headers = { ...modernHeaders(token, 'tools/call', params), Host: '127.0.0.1' }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      const begun = new SlowSender(remote.server.port)
      begun.send(`POST /mcp HTTP/1.1\r\n${lines.join('')}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n{`)
      // From here on it is being waited for.
      await waitFor(() => begun.received.includes('100 Continue'))
      expect(await remote.server.kill('SIGTERM')).toBe(0)
      await waitFor(() => begun.isClosed)
      expectTurnedAway(remote, Number(/\r\n\r\nHTTP\/1\.1 (\d+) /.exec(begun.received)?.[1]))
    })

    it('ends at once when nothing goes on, with sessions, streams and connections open', async () => {
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

    it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends well on %s, however often it is sent', async signal => {
      const remote = await world.serve()
      for (let count = 0; count < 3; count += 1) remote.server.child.kill(signal)
      expect(await remote.server.exited).toBe(0)
      expect(remote.trail.records().map(({ event }) => event)).toEqual(['start', 'stop'])
    })

    if (write)
      it(`${verifies('P7', 'P12')} tells whose question is still open, does nothing, and waits for nobody`, async () => {
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

    it(`${verifies('P7', 'P9')} by a kill loses nothing that it has answered, nor what it has done`, async () => {
      backend.recover()
      const remote = await world.serve({ [`${subject.prefix}_API_URL`]: backend.url, ...relaxed(world) })
      const answered: string[] = []
      const before = backend.arrivals.length
      const caller = async (of: number): Promise<void> => {
        for (let count = 0; ; count += 1) {
          const traceId = `${of}${String(count).padStart(4, '0')}`.padStart(32, 'a')
          const _meta = { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` }
          const reply = await remote.server.call(token, tool.name, world.valid(tool), { _meta }).catch(() => undefined)
          if (!reply) return
          if (isAnswered(reply)) answered.push(traceId)
        }
      }
      const callers = Array.from({ length: 8 }, (_, at) => caller(at + 1))
      await waitFor(() => answered.length >= 60)
      await remote.server.kill('SIGKILL')
      await Promise.all(callers)
      expect(answered.length).toBeGreaterThanOrEqual(60)
      const records = remote.trail.records()
      const ended = new Set(records.filter(isTerminal).map(({ trace }) => trace?.traceId))
      expect(answered.filter(traceId => !ended.has(traceId))).toEqual([])
      const intents = new Set(records.filter(isIntent).map(({ callId }) => callId))
      const done = backend.arrivals.slice(before).map(({ headers }) => String(headers['x-request-id']))
      expect(done.filter(callId => !intents.has(callId))).toEqual([])
      expect((await remote.trail.verify()).findings).toEqual([])
    })
  })
}

function isIntent({ event }: AuditRecord): boolean {
  return event === 'intent'
}

function isAnswered(reply: Reply): boolean {
  return reply.status === 200 && outputOf(messageOf(reply)) !== undefined && errorCodeOf(messageOf(reply)) === undefined
}
