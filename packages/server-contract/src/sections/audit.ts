import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { platform } from 'node:process'
import { parseAuditKey, verifyAudit } from '@narrow-deputies/guardrails/audit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../attack.ts'
import { faultsOfAudit, faultsOfResult, isTerminal } from '../audit-soundness.ts'
import { YES } from '../clients.ts'
import { faultOfRefusal } from '../error-codes.ts'
import { type Arrival, HostileBackend } from '../hostile-backend.ts'
import { callWithHuman, outputOf, questionOf } from '../human.ts'
import { type Era, errorCodeOf, type RunningServer } from '../running-server.ts'
import { reachingTools, type ToolSubject } from '../subject.ts'
import type { Launched, LaunchOptions, World } from '../world.ts'

const ERAS = ['legacy', 'modern'] as const

/** The audit records of calls, and what happens if they cannot be written. */
export function describeAudit(world: World): void {
  const { subject } = world

  describe.each(ERAS)('the audit records of a call (%s era)', era => {
    let launched: Launched
    beforeAll(async () => {
      launched = await world.start(era)
    })

    it.each(subject.tools)(`${verifies('P7', 'P11')} have its arguments and its result: $name`, async tool => {
      const { server, trail } = launched
      const newRecords = trail.follow()
      const args = world.valid(tool)
      let output: unknown
      const arrivals = await world.arrivals(async () => {
        output = outputOf(await callWithHuman(server, tool.name, args))
      })
      const records = newRecords()
      expect(records.map(({ event }) => event)).toEqual([
        ...(tool.effect === 'irreversible' ? ['confirm'] : []),
        'intent',
        'outcome',
      ])
      const outcome = records.at(-1)
      expect(outcome).toMatchObject({
        event: 'outcome',
        tool: tool.name,
        effect: tool.effect,
        confirmation: tool.effect === 'irreversible' ? 'elicited' : 'none',
        caller: { client: { name: 'contract', version: '1.0.0' } },
      })
      expect(faultsOfResult(outcome?.result, output)).toEqual([])
      expect(faultsOfResult(outcome?.args ?? {}, args, 'args')).toEqual([])
      const intent = records.find(({ event }) => event === 'intent')
      for (const { requestId, time } of arrivals) {
        expect(requestId).toBe(intent?.callId)
        expect(Date.parse(time)).toBeGreaterThanOrEqual(Date.parse(intent?.time ?? ''))
      }
    })

    it(`${verifies('P7')} are between one start and one stop`, async () => {
      const { server, trail } = launched
      expect(await server.end()).toBe(0)
      const events = trail.records().map(({ event }) => event)
      expect([events[0], events.at(-1)]).toEqual(['start', 'stop'])
      expect(events.filter(event => !['confirm', 'intent', 'outcome'].includes(event))).toHaveLength(2)
    })
  })

  describe('a call that the backend never answers', () => {
    const tools = reachingTools(subject)
    const names = tools.map(({ name }) => name).sort()
    let backend: HostileBackend
    beforeAll(async () => {
      backend = await HostileBackend.start(world.access)
      backend.behave = () => {}
    })
    afterAll(() => backend.close())

    /** Starts a server whose timeout is so long that it cannot end the calls of these tests. */
    const start = (era: Era, options: LaunchOptions = {}): Promise<Launched> =>
      world.start(era, {
        ...options,
        env: { [`${subject.prefix}_API_URL`]: backend.url, [`${subject.prefix}_API_TIMEOUT_MS`]: '600000' },
      })

    /** Calls a tool with its name as the id. Resolves when the request is at the backend. */
    const send = async (server: RunningServer, era: Era, tool: ToolSubject): Promise<Arrival | undefined> => {
      const count = backend.arrivals.length + 1
      await callAndLeave(server, era, tool, world.valid(tool))
      await backend.arrived(count)
      return backend.arrivals[count - 1]
    }

    describe.each(ERAS)('and that is cancelled (%s era)', era => {
      let launched: Launched
      beforeAll(async () => {
        launched = await start(era)
      })

      it.each(tools)(`${verifies('P7', 'P16')} ends the request to the backend, and is recorded: $name`, async tool => {
        const { server, trail } = launched
        const arrival = await send(server, era, tool)
        const newRecords = trail.follow()
        const records: ReturnType<typeof newRecords> = []
        server.write({
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: server.params({ requestId: tool.name, reason: world.canary }),
        })
        await waitFor(() => arrival?.isAbandoned() === true)
        expect(arrival?.isAbandoned()).toBe(true)
        await waitFor(() => records.push(...newRecords()) > 0)
        expect(records).toMatchObject([{ event: 'outcome', tool: tool.name, error: { code: 'CANCELLED' } }])
        expect((await server.request('tools/list', {})).result).toBeDefined()
      })

      it(`${verifies('P7')} has one terminal record`, async () => {
        const { server, trail } = launched
        expect(await server.end()).toBe(0)
        expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
      })
    })

    /** The last records are a cancelled outcome of each tool, and the stop. */
    const expectCancelledAtStop = async ({ trail }: Launched): Promise<void> => {
      const last = trail.records().slice(-tools.length - 1)
      expect(last.map(({ event }) => event)).toEqual([...tools.map(() => 'outcome'), 'stop'])
      const outcomes = last.slice(0, -1)
      expect(outcomes.map(({ tool }) => tool).sort()).toEqual(names)
      for (const outcome of outcomes) expect(outcome).toMatchObject({ error: { code: 'CANCELLED' } })
      expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
      expect((await trail.verify()).findings).toEqual([])
    }

    it.each(['SIGTERM', 'SIGINT'] as const)(`${verifies('P7')} ends on %s and is recorded`, async signal => {
      const launched = await start('legacy')
      for (const tool of tools) await send(launched.server, 'legacy', tool)
      expect(await launched.server.kill(signal)).toBe(0)
      await expectCancelledAtStop(launched)
    })

    it(`${verifies('P7')} ends when the client closes its connection, and is recorded`, async () => {
      const launched = await start('legacy')
      for (const tool of tools) await callAndLeave(launched.server, 'legacy', tool, world.valid(tool))
      const intents = (): number => launched.trail.records().filter(({ event }) => event === 'intent').length
      await waitFor(() => intents() === tools.length)
      expect(await launched.server.end()).toBe(0)
      await expectCancelledAtStop(launched)
    })

    it.each(ERAS)(`${verifies('P7')} keeps its id: a second call with the same id is refused (%s era)`, async era => {
      const { server, trail } = await start(era)
      for (const tool of tools) {
        const newRecords = trail.follow()
        await send(server, era, tool)
        const arrivals = backend.arrivals.length
        const again = server.replyTo(tool.name)
        const params = server.params({ name: tool.name, arguments: world.valid(tool) })
        server.write({ jsonrpc: '2.0', id: tool.name, method: 'tools/call', params })
        const reply = await again
        expect(faultOfRefusal(reply)).toBeUndefined()
        expect(errorCodeOf(reply)).toBe('INVALID_INPUT')
        expect(backend.arrivals).toHaveLength(arrivals)
        expect(newRecords().filter(isTerminal)).toMatchObject([
          ...(asksFirst(era, tool) ? [{ event: 'confirm' }] : []),
          { event: 'denied', tool: tool.name },
        ])
      }
      await server.kill('SIGTERM')
      expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
    })

    it(`${verifies('P9')} is recorded before kill -9, and the next process continues the audit file`, async () => {
      const { server, trail } = await start('legacy', { audit: 'damaged' })
      for (const tool of tools) await send(server, 'legacy', tool)
      await server.kill('SIGKILL')
      const last = trail.records().slice(-tools.length)
      expect(last.map(({ event }) => event)).toEqual(tools.map(() => 'intent'))
      expect(last.map(({ tool }) => tool).sort()).toEqual(names)
      const next = await world.start('legacy', { env: { AUDIT_FILE: trail.file }, audit: 'damaged' })
      expect(await next.server.end()).toBe(0)
      expect(trail.files()).toHaveLength(1)
      expect((await trail.verify()).findings).toEqual([])
    })
  })

  describe('audit files', () => {
    it(`${verifies('P9')} have every answered call after kill -9, even if a line is incomplete`, async () => {
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

      // An incomplete line, as a power failure leaves it.
      writeFileSync(trail.file, '{"v":1,"seq":', { flag: 'a' })
      const next = await world.start('legacy', { env: { AUDIT_FILE: trail.file } })
      await next.server.end()
      expect(outcomes()).toEqual(acknowledged)
      expect(trail.records().filter(({ event }) => event === 'recovered')).toHaveLength(1)
      expect((await trail.verify()).findings).toEqual([])
    })

    it(`${verifies('P10')} do not verify after any change`, async () => {
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

    it.runIf(platform !== 'win32')(`${verifies('P11')} are not accessible to other users`, async () => {
      const { server, trail } = await world.start('legacy')
      await server.end()
      const folder = dirname(trail.file)
      const files = readdirSync(folder).filter(name => statSync(join(folder, name)).isFile())
      expect(files.length).toBeGreaterThanOrEqual(2)
      for (const name of files) expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0)
    })
  })

  describe('a call that cannot be recorded', () => {
    /** Calls every tool with valid and invalid arguments. Every call has to fail without a request to the backend. */
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
      it.runIf(existsSync('/dev/full'))(`${verifies('P8')} has no effect: the disk is full (/dev/full)`, async () => {
        const { server } = await world.start(era, { env: { AUDIT_FILE: '/dev/full' }, audit: 'none' })
        await expectRefusals(server)
        expect(await server.end()).toBe(0)
      })

      it(`${verifies('P8')} has no effect: the audit file was deleted`, async () => {
        const { server, trail } = await world.start(era, { audit: 'damaged' })
        unlinkSync(trail.file)
        await expectRefusals(server)
        expect(await server.end()).toBe(0)
      })
    })
  })

  describe('two processes with the same audit file', () => {
    it(`${verifies('P7', 'P9', 'P10')} each write their own chain, even after kill -9`, async () => {
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
      expect(trail.files(), 'the third process continues the file of the killed one').toHaveLength(2)
      expect((await trail.verify()).findings).toEqual([])

      expect(await Promise.all([second.server.end(), third.server.end()])).toEqual([0, 0])
      expect((await trail.verify()).findings).toEqual([])
      expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
    })
  })
}

/** Calls a tool with its name as the id, confirms it if necessary, and does not wait for the reply. */
async function callAndLeave(server: RunningServer, era: Era, tool: ToolSubject, args: unknown): Promise<void> {
  const answer = asksFirst(era, tool) ? questionOf(await server.call(tool.name, args))?.reply(YES) : {}
  const params = server.params({ name: tool.name, arguments: args, ...answer })
  server.write({ jsonrpc: '2.0', id: tool.name, method: 'tools/call', params })
}

/** Whether the call ends with a confirmation request, so that a second call has to carry the answer. */
function asksFirst(era: Era, { effect }: ToolSubject): boolean {
  return era === 'modern' && effect === 'irreversible'
}
