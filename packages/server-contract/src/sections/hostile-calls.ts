import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attack } from '../attack.ts'
import { faultOfRefusal } from '../error-codes.ts'
import { type HostileCall, hostileArguments, hostileEnvelopes, hostileLines, type Target } from '../hostile-calls.ts'
import { callWithHuman, outputOf } from '../human.ts'
import { reachingTools, type ToolSubject } from '../subject.ts'
import type { Launched, World } from '../world.ts'

/** The minimum number of generated calls: an empty list must not pass. */
const MIN_CALLS = 60

/** Invalid calls end in a coded error and an audit record, and have no other effect. */
export function describeHostileCalls(world: World): void {
  const { subject } = world
  // The tool with the worst effect that can be seen at the backend.
  const worst =
    reachingTools(subject).find(({ effect }) => effect === 'irreversible') ??
    reachingTools(subject).find(({ effect }) => effect === 'reversible') ??
    reachingTools(subject)[0]

  describe.each(['legacy', 'modern'] as const)('hostile calls (%s era)', era => {
    let launched: Launched
    let sent = 0
    beforeAll(async () => {
      launched = await world.start(era)
    })
    afterAll(() => launched.server.end())

    const target = (tool: ToolSubject): Target => ({
      tool,
      era,
      valid: () => world.valid(tool),
      params: params => launched.server.params(params),
      outside: world.outside,
      canary: world.canary,
    })
    const send = async (calls: HostileCall[]): Promise<string[]> => {
      sent += calls.length
      return await attack(world, launched, calls)
    }

    it.each(subject.tools)(
      `${verifies('P1', 'P2', 'P4', 'P7')} with invalid arguments of $name are refused`,
      async tool => {
        expect(await send(hostileArguments(target(tool)))).toEqual([])
      },
    )

    it(`${verifies('P2', 'P7', 'P12')} with invalid names, answers and envelopes are refused`, async () => {
      if (worst) expect(await send(hostileEnvelopes(target(worst)))).toEqual([])
    })

    it(`${verifies('P2', 'P7')} on lines that are no valid request are refused`, async () => {
      if (worst) expect(await send(hostileLines(target(worst)))).toEqual([])
    })

    it('do not affect later calls', async () => {
      expect(sent).toBeGreaterThanOrEqual(MIN_CALLS)
      for (const tool of subject.tools)
        expect(outputOf(await callWithHuman(launched.server, tool.name, world.valid(tool))), tool.name).toBeDefined()
      expect(launched.server.child.exitCode).toBeNull()
    })

    it(`${verifies('P7', 'P10')} leave audit files that verify`, async () => {
      expect((await launched.trail.verify()).findings).toEqual([])
    })
  })

  describe.each(['legacy', 'modern'] as const)('a call before the connection is opened (%s era)', era => {
    it(`${verifies('P2', 'P7')} is refused and recorded`, async () => {
      const { server, trail } = world.launch()
      server.speak(era)
      const params = server.params({ name: worst?.name, arguments: {} })
      server.write({ jsonrpc: '2.0', id: 'first', method: 'tools/call', params })
      const reply = await server.replyTo('first')
      expect(faultOfRefusal(reply)).toBeUndefined()
      expect(trail.terminals()).toHaveLength(1)
      await server.end()
    })
  })
}
