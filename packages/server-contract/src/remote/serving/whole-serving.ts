import { describe, expect, it } from 'vitest'
import { faultsOfAudit } from '../../audit-soundness.ts'
import type { RemoteWorld } from '../remote-world.ts'

/** What holds over everything that every process did, those that were killed included. */
export function describeWholeServing(world: RemoteWorld): void {
  const { subject } = world

  describe('over all that was served', () => {
    it(`${verifies('P10')} every audit file holds`, async () => {
      // One was removed on purpose.
      const trails = world.soundTrails.filter(trail => trail.files().length > 0)
      expect(trails.length).toBeGreaterThan(5)
      for (const trail of trails) expect((await trail.verify()).findings, trail.file).toEqual([])
    })

    it(`${verifies('P7')} every call had one end on record, and an intent before each outcome`, () => {
      // What a killed process was doing has no end.
      const ended = world.soundTrails.filter(trail => trail.records().at(-1)?.event === 'stop')
      expect(ended.length).toBeGreaterThan(5)
      expect(ended.flatMap(trail => faultsOfAudit(trail.records(), subject.name))).toEqual([])
    })

    it(`${verifies('P5', 'P11')} no token and no key was in any log, audit file or standard output`, () => {
      const texts = [
        ...world.remotes.flatMap(({ stdout, stderr }) => [stdout, stderr]),
        ...world.trails.map(trail => trail.text()),
      ]
      for (const secret of [world.access.key, world.auditKey, ...world.tokens])
        expect(texts.filter(text => text.includes(secret))).toEqual([])
    })

    it('no process met what it had not foreseen', () => {
      const logs = world.remotes.map(({ stderr }) => stderr)
      expect(
        logs.filter(log => /"msg":"(?:fault|crash)"|UnhandledPromise|Unhandled|at .*\.js:\d+\n/.test(log)),
      ).toEqual([])
    })
  })
}
