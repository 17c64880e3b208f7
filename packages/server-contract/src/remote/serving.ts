import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe } from 'vitest'
import type { ServerSubject } from '../subject.ts'
import { RemoteWorld } from './remote-world.ts'
import { describeAnswers } from './serving/answers.ts'
import { describeCallerLimits } from './serving/caller-limits.ts'
import { describeClients } from './serving/clients.ts'
import { describeDisconnects } from './serving/disconnects.ts'
import { describeHealth } from './serving/health.ts'
import { describeServingInvariants } from './serving/invariants.ts'
import { describeReplicas } from './serving/replicas.ts'
import { describeSessions } from './serving/sessions.ts'
import { describeSlowClients } from './serving/slow-clients.ts'
import { describeStopping } from './serving/stopping.ts'

/**
 * The tests of sessions, confirmations, replicas, limits, health and stopping over HTTP. They run for one server, because
 * all servers have the same copy of `remote/`. The other servers run {@link describeRemoteBriefly}.
 */
export function describeRemoteServing(subject: ServerSubject): void {
  const world = new RemoteWorld(subject)
  describe(`how ${subject.name} serves remote callers`, () => {
    beforeAll(async () => {
      if (!existsSync(subject.entry)) throw new Error(`${subject.entry} is not built: run pnpm build`)
      await world.open()
    })
    afterAll(() => world.close())

    describeClients(world)
    describeSessions(world)
    describeAnswers(world)
    describeReplicas(world)
    describeStopping(world)
    describeHealth(world)
    describeDisconnects(world)
    describeCallerLimits(world)
    describeSlowClients(world)
    // Last, because it checks what all other tests have left behind.
    describeServingInvariants(world)
  })
}
