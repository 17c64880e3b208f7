import { copyFileSync, existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { waitFor } from '../attack.ts'
import { callWithHuman, outputOf } from '../human.ts'
import type { Message } from '../running-server.ts'
import { reachingTools } from '../subject.ts'
import type { Launched, World } from '../world.ts'

/** How a server process starts, runs and exits. */
export function describeProcess(world: World): void {
  const { subject } = world
  const reading = subject.tools.filter(({ effect }) => effect === 'read')

  describe('the process', () => {
    it.each(['legacy', 'modern'] as const)(
      `${verifies('P7')} answers every request that it received before the end of its input (%s era)`,
      async era => {
        const { server, trail } = await world.start(era)
        const requests: Message[] = [
          { id: 'list', method: 'tools/list', params: server.params({}) },
          ...reading.map(tool => ({
            id: tool.name,
            method: 'tools/call',
            params: server.params({ name: tool.name, arguments: world.valid(tool) }),
          })),
          { id: 'wrong', method: 'tools/call', params: server.params({ name: 'nothing' }) },
        ]
        for (const request of requests) server.write({ jsonrpc: '2.0', ...request })
        expect(await server.end()).toBe(0)
        const replies = server.lines.map(line => JSON.parse(line) as Message)
        const ids = replies.map(({ id }) => id)
        for (const { id } of requests) expect(ids).toContain(id)
        for (const { name } of reading) {
          const reply = replies.find(({ id }) => id === name) ?? {}
          expect(outputOf(reply), JSON.stringify(reply)).toBeDefined()
        }
        expect(trail.records().at(-1)?.event).toBe('stop')
      },
    )

    it('exits with 0 if the last line of its input has no line break', async () => {
      const { server, trail } = await world.start('legacy')
      server.child.stdin?.write('{"jsonrpc":"2.0","id":"last","method":"tools/list"}')
      expect(await server.end()).toBe(0)
      expect(trail.records().at(-1)?.event).toBe('stop')
    })

    it('reads messages that arrive byte by byte, and many in one chunk', async () => {
      const { server } = await world.start('legacy')
      const bytes = Buffer.from(
        ['a', 'b', 'c']
          .map(id => `{"jsonrpc":"2.0","id":"${id}","method":"tools/list","params":{"_meta":{"x":"é🎈"}}}\n`)
          .join(''),
      )
      for (const byte of bytes) server.child.stdin?.write(Buffer.of(byte))
      for (const id of ['a', 'b', 'c']) expect((await server.replyTo(id)).result).toBeDefined()
      server.child.stdin?.write(Buffer.concat(Array.from({ length: 200 }, () => bytes)))
      for (let round = 0; round < 200; round += 1) expect((await server.replyTo('c')).result).toBeDefined()
      expect(await server.end()).toBe(0)
    })

    it.each(['SIGTERM', 'SIGINT'] as const)('exits with 0 on %s, with or without an open connection', async signal => {
      const expectExit = async ({ server, trail }: Launched): Promise<void> => {
        expect(await server.kill(signal)).toBe(0)
        expect(trail.records().map(({ event }) => event)).toEqual(['start', 'stop'])
      }
      const unopened = world.launch()
      // It writes to standard error when it is ready.
      await waitFor(() => unopened.server.stderr !== '')
      await Promise.all([expectExit(unopened), expectExit(await world.start('modern'))])
    })

    it.each(['closes both streams', 'stops reading'])('exits with 0 when its client %s', async what => {
      const { server, trail } = await world.start('legacy')
      server.child.stdout?.destroy()
      if (what === 'stops reading') server.write({ jsonrpc: '2.0', id: 'unread', method: 'tools/list' })
      else server.child.stdin?.destroy()
      expect(await server.exited).toBe(0)
      expect(trail.records().at(-1)?.event).toBe('stop')
    })

    it('answers concurrent calls', async () => {
      const { server } = await world.start('modern')
      const [tool] = reachingTools(subject)
      if (!tool) return
      const replies = await Promise.all(
        Array.from({ length: 30 }, () => callWithHuman(server, tool.name, world.valid(tool))),
      )
      expect(replies.filter(reply => outputOf(reply))).toHaveLength(30)
      expect(await server.end()).toBe(0)
    })

    it(`${verifies('P13')} needs no file except its bundle`, async () => {
      const folder = world.emptyFolder()
      const entry = join(folder, 'main.mjs')
      copyFileSync(subject.entry, entry)
      // Node.js before 20.19 and 22.7 does not detect the module format of a file.
      const { server } = await world.start('modern', { entry, node: ['--no-experimental-detect-module'] })
      for (const tool of subject.tools)
        expect(outputOf(await callWithHuman(server, tool.name, world.valid(tool))), tool.name).toBeDefined()
      expect(await server.end()).toBe(0)
    })

    it.each([
      ['no audit settings at all', {}],
      ['an audit key alone', { AUDIT_KEY: world.auditKey }],
    ])(`${verifies('P7')} creates its audit log by itself: %s`, async (_, given) => {
      const state = world.emptyFolder()
      const home = join(state, 'not', 'there', 'yet')
      const env = { AUDIT_FILE: '', AUDIT_KEY: '', ...given, XDG_STATE_HOME: home }
      // A generated key is in a file, so the tests cannot verify the audit log with theirs.
      const { server, trail } = await world.start('legacy', { env, audit: 'AUDIT_KEY' in given ? 'intact' : 'damaged' })
      for (const tool of subject.tools)
        expect(outputOf(await callWithHuman(server, tool.name, world.valid(tool))), tool.name).toBeDefined()
      expect(await server.end()).toBe(0)
      expect(dirname(trail.file)).toBe(join(home, 'narrow-deputies', subject.name))
      expect(trail.terminals().filter(({ event }) => event === 'outcome')).toHaveLength(subject.tools.length)
    })

    it.each(['', 'state', './state'])(
      `${verifies('P7')} keeps its audit log in the home folder, not in the working directory, if XDG_STATE_HOME is %j`,
      async XDG_STATE_HOME => {
        const home = world.emptyFolder()
        const cwd = world.emptyFolder()
        const env = { AUDIT_FILE: '', AUDIT_KEY: '', HOME: home, XDG_STATE_HOME }
        const { server } = await world.start('legacy', { env, cwd, audit: 'none' })
        expect(await server.end()).toBe(0)
        const state = join(home, '.local', 'state', 'narrow-deputies', subject.name)
        for (const file of ['audit.jsonl', 'audit.key']) expect(existsSync(join(state, file)), file).toBe(true)
        expect(readdirSync(cwd)).toEqual([])
      },
    )
  })
}
