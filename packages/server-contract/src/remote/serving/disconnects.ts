import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'
import { HostileBackend } from '../../hostile-backend.ts'
import { outputOf } from '../../human.ts'
import { reachingTools } from '../../subject.ts'
import { addressesIn, callAndReset, connectAndAbort } from '../disconnecting-clients.ts'
import { isReply, LegacySession } from '../legacy-session.ts'
import { modernHeaders, modernMessage } from '../modern-message.ts'
import { OpenRequest } from '../open-request.ts'
import { messageOf } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { withoutConfirmation } from './sessions.ts'

/** Clients that disconnect or cancel. `pnpm soak disconnects` repeats it many times. */
export function describeDisconnects(world: RemoteWorld): void {
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
      remote = await world.serve({ [`${subject.prefix}_API_URL`]: backend.url, ...withoutConfirmation(world) })
    })
    afterAll(async () => {
      await remote.server.kill('SIGTERM')
      await backend.close()
    })

    it(`${verifies('P7', 'P16')} that disconnects cancels its call and the request to the backend (modern era)`, async () => {
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

    it(`${verifies('P7', 'P15')} that disconnects after its request is recorded with its address, or its call is not executed`, async () => {
      const { server, trail } = await world.serve()
      await callAndReset({ server, token, tool: read.name, args: world.valid(read), times: 15 })
      expect(await server.kill('SIGTERM')).toBe(0)
      const { recorded, faults } = addressesIn(trail)
      expect(recorded).toBeGreaterThan(0)
      expect(faults).toEqual([])
    })

    it(`${verifies('P7')} that disconnects does not cancel its call, and can continue its session (legacy era)`, async () => {
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

    it(`${verifies('P7')} can cancel its call by a notification, which is recorded (legacy era)`, async () => {
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
      // A request id is valid in its own session only.
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

    it(`${verifies('P7')} that sends two calls with one id has two records`, async () => {
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

    it('that disconnects at any time leaves nothing in use', async () => {
      const session = await LegacySession.open(remote.server, token)
      await connectAndAbort({ session, tool: read.name, rounds: 2 })
      expect(outputOf(await session.call(read.name, world.valid(read)).message(isReply))).toBeDefined()
      await expect.poll(async () => (await session.end()).status).toBe(200)
      expect((await remote.server.send('GET', '/healthz')).status).toBe(200)
    })
  })
}
