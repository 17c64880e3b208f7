import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe } from 'vitest'
import type { ServerSubject } from '../subject.ts'
import { RemoteWorld } from './remote-world.ts'
import { describeDiscovery } from './sections/discovery.ts'
import { describeHostAndOrigin } from './sections/host-and-origin.ts'
import { describeRemoteInvariants } from './sections/invariants.ts'
import { describeIssuer } from './sections/issuer.ts'
import { describeScopes } from './sections/scopes.ts'
import { describeStartUp } from './sections/start-up.ts'
import { describeTokens } from './sections/tokens.ts'
import { describeWire } from './sections/wire.ts'

/**
 * The tests of admission over HTTP, with a real token issuer. They run for one server, because all servers have the same
 * copy of `remote/`. The other servers run {@link describeRemoteBriefly}.
 */
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
    describeHostAndOrigin(world)
    describeWire(world)
    describeDiscovery(world)
    describeIssuer(world)
    describeStartUp(world)
    // Last, because it checks what all other tests have left behind.
    describeRemoteInvariants(world)
  })
}
