import { describe, expect, it } from 'vitest'
import { faultsOfAudit } from '../../audit-soundness.ts'
import type { RemoteWorld } from '../remote-world.ts'

/** Invariants over the logs and audit files of all tests before, including those of killed processes. */
export function describeServingInvariants(world: RemoteWorld): void {
  const { subject } = world

  describe('during all these tests', () => {
    it(`${verifies('P10')} every audit file verifies`, async () => {
      // A test has deleted one.
      const trails = world.intactTrails.filter(trail => trail.files().length > 0)
      expect(trails.length).toBeGreaterThan(5)
      for (const trail of trails) expect((await trail.verify()).findings, trail.file).toEqual([])
    })

    it(`${verifies('P7')} every call had one terminal record, and an intent before its outcome`, () => {
      // Calls of a killed process have no terminal record.
      const ended = world.intactTrails.filter(trail => trail.records().at(-1)?.event === 'stop')
      expect(ended.length).toBeGreaterThan(5)
      expect(ended.flatMap(trail => faultsOfAudit(trail.records(), subject.name))).toEqual([])
    })

    it(`${verifies('P5', 'P11')} no log, audit file or standard output had a token or a key`, () => {
      const texts = [
        ...world.remotes.flatMap(({ stdout, stderr }) => [stdout, stderr]),
        ...world.trails.map(trail => trail.text()),
      ]
      for (const secret of [world.access.key, world.auditKey, ...world.tokens])
        expect(texts.filter(text => text.includes(secret))).toEqual([])
    })

    it('no process logged an unexpected error', () => {
      const logs = world.remotes.map(({ stderr }) => stderr)
      expect(
        logs.filter(log => /"msg":"(?:fault|crash)"|UnhandledPromise|Unhandled|at .*\.js:\d+\n/.test(log)),
      ).toEqual([])
    })
  })
}
