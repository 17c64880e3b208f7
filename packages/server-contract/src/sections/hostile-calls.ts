import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attack } from '../attack.ts'
import { faultOfRefusal } from '../error-codes.ts'
import { type HostileCall, hostileArguments, hostileEnvelopes, hostileLines, type Target } from '../hostile-calls.ts'
import { callWithHuman, outputOf } from '../human.ts'
import { reachingTools, type ToolSubject } from '../subject.ts'
import type { Launched, World } from '../world.ts'

/** The least that a list of hostile calls is worth. */
const ENOUGH = 60

/** What comes of calls that are none: nothing, but a clear error and a record. */
export function describeHostileCalls(world: World): void {
  const { subject } = world
  // What it would do is the worst that can be done here, and it would show at the backend.
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
    const come = async (calls: HostileCall[]): Promise<string[]> => {
      sent += calls.length
      return await attack(world, launched, calls)
    }

    it.each(subject.tools)(`${verifies('P1', 'P2', 'P4', 'P7')} are refused: every argument of $name`, async tool => {
      expect(await come(hostileArguments(target(tool)))).toEqual([])
    })

    it(`${verifies('P2', 'P7', 'P12')} are refused: names, answers, envelopes`, async () => {
      if (worst) expect(await come(hostileEnvelopes(target(worst)))).toEqual([])
    })

    it(`${verifies('P2', 'P7')} are refused: lines that are no request`, async () => {
      if (worst) expect(await come(hostileLines(target(worst)))).toEqual([])
    })

    it('leave a server behind that works', async () => {
      expect(sent).toBeGreaterThanOrEqual(ENOUGH)
      for (const tool of subject.tools)
        expect(outputOf(await callWithHuman(launched.server, tool.name, world.valid(tool))), tool.name).toBeDefined()
      expect(launched.server.child.exitCode).toBeNull()
    })

    it(`${verifies('P7', 'P10')} leave audit files behind that hold`, async () => {
      expect((await launched.trail.verify()).findings).toEqual([])
    })
  })

  describe.each(['legacy', 'modern'] as const)('a call before any greeting (%s era)', era => {
    it(`${verifies('P2', 'P7')} is refused on record if it has to be`, async () => {
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
