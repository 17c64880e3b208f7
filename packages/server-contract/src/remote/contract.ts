import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe } from 'vitest'
import type { ServerSubject } from '../subject.ts'
import { RemoteWorld } from './remote-world.ts'
import { describeDiscovery } from './sections/discovery.ts'
import { describeDoors } from './sections/doors.ts'
import { describeIssuer } from './sections/issuer.ts'
import { describeScopes } from './sections/scopes.ts'
import { describeStartUp } from './sections/start-up.ts'
import { describeTokens } from './sections/tokens.ts'
import { describeRemoteRun } from './sections/whole-run.ts'
import { describeWire } from './sections/wire.ts'

/** What every server has to prove of its built file to callers from elsewhere, over real sockets, with a real issuer. */
export function describeRemoteContract(subject: ServerSubject): void {
  const world = new RemoteWorld(subject)
  describe(`the remote contract of ${subject.name}`, () => {
    beforeAll(async () => {
      if (!existsSync(subject.entry)) throw new Error(`${subject.entry} is not built: run pnpm build`)
      await world.open()
    })
    afterAll(() => world.close())

    describeTokens(world)
    describeScopes(world)
    describeDoors(world)
    describeWire(world)
    describeDiscovery(world)
    describeIssuer(world)
    describeStartUp(world)
    // Last: it looks back at all of the above.
    describeRemoteRun(world)
  })
}
