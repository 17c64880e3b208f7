import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { platform } from 'node:process'
import { parseAuditKey, verifyAudit } from '@narrow-deputies/guardrails/audit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../attack.ts'
import { faultsOfAudit, faultsOfResult } from '../audit-soundness.ts'
import { YES } from '../clients.ts'
import { faultOfRefusal } from '../error-codes.ts'
import { type Arrival, HostileBackend } from '../hostile-backend.ts'
import { callWithHuman, outputOf, questionOf } from '../human.ts'
import { type Era, errorCodeOf, type RunningServer } from '../running-server.ts'
import { reachingTools, type ToolSubject } from '../subject.ts'
import type { LaunchOptions, World } from '../world.ts'

const ERAS = ['legacy', 'modern'] as const

/** What the audit log says of calls, and what happens where it can say nothing. */
export function describeAudit(world: World): void {
  const { subject } = world

  describe.each(ERAS)('the record of a call (%s era)', era => {
    it.each(subject.tools)(`${verifies('P7', 'P11')} holds all of it: $name`, async tool => {
      const { server, trail } = await world.start(era)
      const args = world.valid(tool)
      const arrivals = await world.arrivals(async () => {
        const output = outputOf(await callWithHuman(server, tool.name, args))
        const outcome = trail.records().at(-1)
        expect(outcome).toMatchObject({
          event: 'outcome',
          tool: tool.name,
          effect: tool.effect,
          confirmation: tool.effect === 'irreversible' ? 'elicited' : 'none',
          caller: { client: { name: 'contract', version: '1.0.0' } },
        })
        expect(faultsOfResult(outcome?.result, output)).toEqual([])
        expect(faultsOfResult(outcome?.args ?? {}, args, 'args')).toEqual([])
      })
      const intent = trail.records().find(({ event }) => event === 'intent')
      for (const { requestId, time } of arrivals) {
        expect(requestId).toBe(intent?.callId)
        expect(Date.parse(time)).toBeGreaterThanOrEqual(Date.parse(intent?.time ?? ''))
      }
      expect(await server.end()).toBe(0)
      expect(trail.records().map(({ event }) => event)).toEqual([
        'start',
        ...(tool.effect === 'irreversible' ? ['confirm'] : []),
        'intent',
        'outcome',
        'stop',
      ])
    })
  })

  describe('a call that the backend never answers', () => {
    let backend: HostileBackend
    beforeAll(async () => {
      backend = await HostileBackend.start(world.access)
      backend.behave = () => {}
    })
    afterAll(() => backend.close())

    /** With a deadline that is no help: only what is tested here can end the call. */
    const hanging = (): LaunchOptions => ({
      env: { [`${subject.prefix}_API_URL`]: backend.url, [`${subject.prefix}_API_TIMEOUT_MS`]: '600000' },
    })

    /** Sends a call and resolves, once it is at the backend, to what arrived there. */
    const send = async (server: RunningServer, era: Era, tool: ToolSubject): Promise<Arrival | undefined> => {
      const count = backend.arrivals.length + 1
      await callAndLeave(server, era, tool, world.valid(tool))
      await backend.arrived(count)
      return backend.arrivals[count - 1]
    }

    describe.each(ERAS)('and that is cancelled (%s era)', era => {
      it.each(reachingTools(subject))(`${verifies('P7', 'P16')} is let go, and on record: $name`, async tool => {
        const { server, trail } = await world.start(era, hanging())
        const arrival = await send(server, era, tool)
        server.write({
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: server.params({ requestId: HANGING_ID, reason: world.canary }),
        })
        await waitFor(() => arrival?.isAbandoned() === true)
        expect(arrival?.isAbandoned()).toBe(true)
        await waitFor(() => trail.records().some(({ event }) => event === 'outcome'))
        expect(trail.records().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'CANCELLED' } })
        expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
        // It still serves.
        expect((await server.request('tools/list', {})).result).toBeDefined()
        expect(await server.end()).toBe(0)
      })
    })

    it.each(['SIGTERM', 'SIGINT'] as const)(`${verifies('P7')} ends with the process, on record: %s`, async signal => {
      for (const tool of reachingTools(subject)) {
        const { server, trail } = await world.start('legacy', hanging())
        await send(server, 'legacy', tool)
        expect(await server.kill(signal)).toBe(0)
        expect(
          trail
            .records()
            .map(({ event }) => event)
            .slice(-2),
        ).toEqual(['outcome', 'stop'])
        expect(trail.records().at(-2)).toMatchObject({ tool: tool.name, error: { code: 'CANCELLED' } })
        expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
        expect((await trail.verify()).findings).toEqual([])
      }
    })

    it(`${verifies('P7')} ends with the client, on record`, async () => {
      const left = reachingTools(subject).map(async tool => {
        const { server, trail } = await world.start('legacy', hanging())
        await callAndLeave(server, 'legacy', tool, world.valid(tool))
        await waitFor(() => trail.records().some(({ event }) => event === 'intent'))
        expect(await server.end()).toBe(0)
        expect(
          trail
            .records()
            .map(({ event }) => event)
            .slice(-2),
        ).toEqual(['outcome', 'stop'])
        expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
      })
      await Promise.all(left)
    })

    it.each(ERAS)(`${verifies('P7')} keeps its id to itself (%s era)`, async era => {
      for (const tool of reachingTools(subject)) {
        const { server, trail } = await world.start(era, hanging())
        await send(server, era, tool)
        const arrivals = backend.arrivals.length
        const again = server.replyTo(HANGING_ID)
        const params = server.params({ name: tool.name, arguments: world.valid(tool) })
        server.write({ jsonrpc: '2.0', id: HANGING_ID, method: 'tools/call', params })
        const reply = await again
        expect(faultOfRefusal(reply)).toBeUndefined()
        expect(errorCodeOf(reply)).toBe('INVALID_INPUT')
        expect(backend.arrivals).toHaveLength(arrivals)
        expect(trail.terminals()).toMatchObject([
          ...(asksFirst(era, tool) ? [{ event: 'confirm' }] : []),
          { event: 'denied', tool: tool.name },
        ])
        await server.kill('SIGTERM')
        expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
      }
    })

    it(`${verifies('P9')} is on record after kill -9, and the next process goes on from there`, async () => {
      for (const tool of reachingTools(subject)) {
        const { server, trail } = await world.start('legacy', { ...hanging(), audit: 'damaged' })
        await send(server, 'legacy', tool)
        await server.kill('SIGKILL')
        expect(trail.records().at(-1)).toMatchObject({ event: 'intent', tool: tool.name })
        const next = await world.start('legacy', { env: { AUDIT_FILE: trail.file }, audit: 'damaged' })
        expect(await next.server.end()).toBe(0)
        expect(trail.files()).toHaveLength(1)
        expect((await trail.verify()).findings).toEqual([])
      }
    })
  })

  describe('audit files', () => {
    it(`${verifies('P9')} hold every acknowledged call after kill -9, whatever it cut off`, async () => {
      const { server, trail } = await world.start('legacy')
      const acknowledged: string[] = []
      for (let round = 0; round < 3; round += 1)
        for (const tool of subject.tools) {
          expect(outputOf(await callWithHuman(server, tool.name, world.valid(tool)))).toBeDefined()
          acknowledged.push(tool.name)
        }
      await server.kill('SIGKILL')
      const outcomes = (): unknown[] =>
        trail
          .terminals()
          .filter(({ event }) => event === 'outcome')
          .map(({ tool }) => tool)
      expect(outcomes()).toEqual(acknowledged)

      // As if the system, too, had gone down in the middle of a line.
      writeFileSync(trail.file, '{"v":1,"seq":', { flag: 'a' })
      const next = await world.start('legacy', { env: { AUDIT_FILE: trail.file } })
      await next.server.end()
      expect(outcomes()).toEqual(acknowledged)
      expect(trail.records().filter(({ event }) => event === 'recovered')).toHaveLength(1)
      expect((await trail.verify()).findings).toEqual([])
    })

    it(`${verifies('P10')} of a server show every change that is made to them`, async () => {
      const { server, trail } = await world.start('legacy')
      for (const tool of subject.tools) await callWithHuman(server, tool.name, world.valid(tool))
      await server.end()
      const text = readFileSync(trail.file, 'utf8')
      const lines = text.split(/(?<=\n)/)
      const middle = lines.length >> 1
      const edits: Record<string, string[]> = {
        flipped: lines.map((line, at) => (at === middle ? line.replace('"time":"2', '"time":"3') : line)),
        deleted: lines.filter((_, at) => at !== middle),
        swapped: lines.with(middle, lines[middle + 1] ?? '').with(middle + 1, lines[middle] ?? ''),
        repeated: lines.toSpliced(middle, 0, lines[middle] ?? ''),
        'cut off': lines.slice(0, -1),
        emptied: [],
      }
      const folder = world.emptyFolder()
      const copy = join(folder, basename(trail.file))
      copyFileSync(`${trail.file}.head`, `${copy}.head`)
      const verify = async (content: string): Promise<boolean> => {
        writeFileSync(copy, content)
        return (await verifyAudit(copy, { keys: [parseAuditKey(trail.key)] })).ok
      }
      expect(await verify(text)).toBe(true)
      for (const [title, edited] of Object.entries(edits)) expect(await verify(edited.join('')), title).toBe(false)
    })

    it.runIf(platform !== 'win32')(`${verifies('P11')} can be read by nobody else`, async () => {
      const { server, trail } = await world.start('legacy')
      await server.end()
      const folder = dirname(trail.file)
      const files = readdirSync(folder).filter(name => statSync(join(folder, name)).isFile())
      expect(files.length).toBeGreaterThanOrEqual(2)
      for (const name of files) expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0)
    })
  })

  describe('without an audit log', () => {
    /** Calls every tool, right and wrong; nothing may come of it. */
    const expectRefusals = async (server: RunningServer): Promise<void> => {
      const arrivals = await world.arrivals(async () => {
        for (const tool of subject.tools)
          for (const args of [world.valid(tool), { [world.canary]: 1 }]) {
            const reply = await callWithHuman(server, tool.name, args)
            expect(faultOfRefusal(reply)).toBeUndefined()
            expect(errorCodeOf(reply), tool.name).toBe('AUDIT_UNAVAILABLE')
          }
        const reply = await server.call('nothing', {})
        expect(errorCodeOf(reply)).toBe('AUDIT_UNAVAILABLE')
      })
      expect(arrivals).toEqual([])
    }

    describe.each(ERAS)('(%s era)', era => {
      // Elsewhere there is no such device, and filling a disk for it is too much.
      it.runIf(existsSync('/dev/full'))(`${verifies('P8')} nothing happens: the disk is full (/dev/full)`, async () => {
        const { server } = await world.start(era, { env: { AUDIT_FILE: '/dev/full' }, audit: 'none' })
        await expectRefusals(server)
        expect(await server.end()).toBe(0)
      })

      it(`${verifies('P8')} nothing happens: the file was deleted`, async () => {
        const { server, trail } = await world.start(era, { audit: 'damaged' })
        unlinkSync(trail.file)
        await expectRefusals(server)
        expect(await server.end()).toBe(0)
      })
    })
  })

  describe('two processes that are given one audit file', () => {
    it(`${verifies('P7', 'P9', 'P10')} both work, each in a chain of its own, also after kill -9`, async () => {
      const first = await world.start('legacy')
      const env = { AUDIT_FILE: first.trail.file }
      const second = await world.start('modern', { env })
      const call = async ({ server }: { server: RunningServer }): Promise<void> => {
        for (const tool of subject.tools)
          expect(outputOf(await callWithHuman(server, tool.name, world.valid(tool)))).toBeDefined()
      }
      const { trail } = first
      await Promise.all([call(first), call(second), call(first), call(second)])
      expect(trail.files()).toHaveLength(2)
      expect((await trail.verify()).findings).toEqual([])
      expect(trail.terminals().filter(({ event }) => event === 'outcome')).toHaveLength(4 * subject.tools.length)

      await first.server.kill('SIGKILL')
      const third = await world.start('legacy', { env })
      await Promise.all([call(second), call(third)])
      expect(trail.files(), 'the dead one’s file is taken over').toHaveLength(2)
      expect((await trail.verify()).findings).toEqual([])

      expect(await Promise.all([second.server.end(), third.server.end()])).toEqual([0, 0])
      expect((await trail.verify()).findings).toEqual([])
      expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
    })
  })
}

const HANGING_ID = 'hanging'

/** Calls a tool under an id that is known, with a human who agrees, and does not wait for what comes of it. */
async function callAndLeave(server: RunningServer, era: Era, tool: ToolSubject, args: unknown): Promise<void> {
  const answer = asksFirst(era, tool) ? questionOf(await server.call(tool.name, args))?.reply(YES) : {}
  const params = server.params({ name: tool.name, arguments: args, ...answer })
  server.write({ jsonrpc: '2.0', id: HANGING_ID, method: 'tools/call', params })
}

/** Whether a call ends by asking, and the answer comes with another. */
function asksFirst(era: Era, { effect }: ToolSubject): boolean {
  return era === 'modern' && effect === 'irreversible'
}
