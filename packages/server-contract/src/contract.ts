import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe } from 'vitest'
import { describeAudit } from './sections/audit.ts'
import { describeBackendFaults } from './sections/backend-faults.ts'
import { describeCalls } from './sections/calls.ts'
import { describeConfiguration } from './sections/configuration.ts'
import { describeConfirmation } from './sections/confirmation.ts'
import { describeHostileCalls } from './sections/hostile-calls.ts'
import { describeInvariants } from './sections/invariants.ts'
import { describeListing } from './sections/listing.ts'
import { describeProcess } from './sections/process.ts'
import type { ServerSubject } from './subject.ts'
import { World } from './world.ts'

/** The tests that the built file of every server has to pass over stdio, with a real backend and a hostile one. */
export function describeServerContract(subject: ServerSubject): void {
  const world = new World(subject)
  describe(`the contract of ${subject.name}`, () => {
    beforeAll(async () => {
      if (!existsSync(subject.entry)) throw new Error(`${subject.entry} is not built: run pnpm build`)
      await world.open()
    })
    afterAll(() => world.close())

    describeListing(world)
    describeCalls(world)
    describeHostileCalls(world)
    describeConfirmation(world)
    describeAudit(world)
    describeBackendFaults(world)
    describeProcess(world)
    describeConfiguration(world)
    // Last, because it checks what all other tests have left behind.
    describeInvariants(world)
  })
}
