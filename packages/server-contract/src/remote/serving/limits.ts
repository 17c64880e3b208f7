import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'
import { HostileBackend } from '../../hostile-backend.ts'
import { outputOf } from '../../human.ts'
import { reachingTools } from '../../subject.ts'
import { isReply, LegacySession } from '../legacy-session.ts'
import { modernBytes, modernHeaders, modernMessage } from '../modern-message.ts'
import { OpenRequest } from '../open-request.ts'
import { messageOf } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { relaxed } from './sessions.ts'

/** Clients that go away in the middle: none of them keeps anything that another one needs. */
export function describeLimits(world: RemoteWorld): void {
  const { subject } = world
  const [tool] = reachingTools(subject)
  const [read] = subject.tools.filter(({ effect }) => effect === 'read')
  if (!tool || !read) throw new Error('every server has a tool that reads, and one that reaches its backend')

  describe('a client', () => {
    let backend: HostileBackend
    let remote: Remote
    let token: string
    beforeAll(async () => {
      token = await world.token(scopesOf(subject).join(' '))
      backend = await HostileBackend.start(world.access)
      remote = await world.serve({ [`${subject.prefix}_API_URL`]: backend.url, ...relaxed(world) })
    })
    afterAll(async () => {
      await remote.server.kill('SIGTERM')
      await backend.close()
    })

    it(`${verifies('P7', 'P16')} that goes away takes its call with it, as far as the backend (modern era)`, async () => {
      const before = { arrivals: backend.arrivals.length, ends: remote.trail.terminals().length }
      backend.behave = () => {}
      const params = { name: tool.name, arguments: world.valid(tool) }
      const headers = modernHeaders(token, 'tools/call', params)
      const body = JSON.stringify(modernMessage('tools/call', params))
      const call = new OpenRequest({ port: remote.server.port, method: 'POST', headers, body })
      await backend.arrived(before.arrivals + 1)
      await call.abort()
      await waitFor(() => remote.trail.terminals().length > before.ends)
      expect(remote.trail.terminals().slice(before.ends)).toMatchObject([
        { event: 'outcome', tool: tool.name, error: { code: 'CANCELLED' } },
      ])
      await waitFor(() => backend.arrivals[before.arrivals]?.isAbandoned() === true)
      expect(backend.arrivals[before.arrivals]?.isAbandoned()).toBe(true)
      backend.recover()
    })

    it(`${verifies('P7', 'P15')} that hangs up as soon as it has called is on record with its address, or has nothing done`, async () => {
      const { server, trail } = await world.serve()
      const params = { name: read.name, arguments: world.valid(read) }
      const { lines, body } = modernBytes(token, 'tools/call', params)
      for (let count = 0; count < 50; count += 1) {
        const socket = connect(server.port, '127.0.0.1')
        socket.on('error', () => {})
        await once(socket, 'connect')
        socket.write(`POST /mcp HTTP/1.1\r\n${lines}\r\n${body}`, () => socket.resetAndDestroy())
        await once(socket, 'close')
        // One that stays: what came before it has been taken up.
        await server.modern(token, 'tools/list')
      }
      expect(await server.kill('SIGTERM')).toBe(0)
      const records = trail.records().filter(({ caller }) => caller)
      expect(records.length).toBeGreaterThan(0)
      // Who is gone before the connection is taken up has no address any more: nothing is done for them.
      const unheard = records.filter(({ caller }) => caller?.host === 'gone')
      for (const record of unheard) expect(record).toMatchObject({ event: 'denied', error: { code: 'CANCELLED' } })
      const heard = records.filter(record => !unheard.includes(record))
      expect(heard.filter(({ caller }) => caller?.host !== '127.0.0.1')).toEqual([])
    })

    it(`${verifies('P7')} that goes away leaves its call to end, and is found by no other (legacy era)`, async () => {
      const before = { arrivals: backend.arrivals.length, ends: remote.trail.terminals().length }
      const release = backend.hold()
      const session = await LegacySession.open(remote.server, token)
      const call = session.call(tool.name, world.valid(tool))
      await backend.arrived(before.arrivals + 1)
      await call.abort()
      await pause(50)
      release()
      await waitFor(() => remote.trail.terminals().length > before.ends)
      expect(remote.trail.terminals().slice(before.ends)).toMatchObject([{ event: 'outcome', tool: tool.name }])
      backend.recover()
      const next = session.call(read.name, world.valid(read))
      expect(outputOf(await next.message(isReply))).toBeDefined()
      await session.end()
    })

    it(`${verifies('P7')} may cancel by a message, and its call ends on record (legacy era)`, async () => {
      const before = { arrivals: backend.arrivals.length, ends: remote.trail.terminals().length }
      backend.behave = () => {}
      const session = await LegacySession.open(remote.server, token)
      const call = session.send({
        id: 'c',
        method: 'tools/call',
        params: { name: tool.name, arguments: world.valid(tool) },
      })
      await backend.arrived(before.arrivals + 1)
      const elsewhere = await LegacySession.open(remote.server, token)
      await elsewhere.send({ method: 'notifications/cancelled', params: { requestId: 'c' } }).reply()
      await pause(50)
      // An id means something in its own session alone.
      expect(remote.trail.terminals().length).toBe(before.ends)
      await session.send({ method: 'notifications/cancelled', params: { requestId: 'c' } }).reply()
      await waitFor(() => remote.trail.terminals().length > before.ends)
      expect(remote.trail.terminals().slice(before.ends)).toMatchObject([
        { event: 'outcome', error: { code: 'CANCELLED' } },
      ])
      await waitFor(() => backend.arrivals[before.arrivals]?.isAbandoned() === true)
      backend.recover()
      await call.abort()
      await session.end()
      await elsewhere.end()
    })

    it(`${verifies('P7')} that gives two requests one id gets two answers, or one is refused`, async () => {
      const session = await LegacySession.open(remote.server, token)
      const message = { id: 'twin', method: 'tools/call', params: { name: read.name, arguments: world.valid(read) } }
      const before = remote.trail.terminals().length
      const twins = [session.send(message), session.send(message)]
      await waitFor(() => remote.trail.terminals().length >= before + 2)
      expect(remote.trail.terminals().length).toBe(before + 2)
      const modern = await Promise.all([1, 2].map(() => remote.server.call(token, read.name, world.valid(read))))
      for (const reply of modern) expect(outputOf(messageOf(reply))).toBeDefined()
      await Promise.all(twins.map(twin => twin.abort()))
      await session.end()
    })

    it('that comes and goes a thousand times leaves nothing behind', async () => {
      const session = await LegacySession.open(remote.server, token)
      for (let round = 0; round < 20; round += 1) {
        const streams = Array.from({ length: 25 }, () => session.listen())
        await Promise.all(streams.map(stream => stream.head().catch(() => 0)))
        await Promise.all(streams.map(stream => stream.abort()))
        const calls = Array.from({ length: 25 }, () =>
          session.call(read.name, { nothing: randomBytes(4).toString('hex') }),
        )
        await Promise.all(calls.map(call => call.abort()))
      }
      expect(outputOf(await session.call(read.name, world.valid(read)).message(isReply))).toBeDefined()
      await expect.poll(async () => (await session.end()).status).toBe(200)
      expect((await remote.server.send('GET', '/healthz')).status).toBe(200)
    })
  })
}
