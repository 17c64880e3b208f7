import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe } from 'vitest'
import type { ServerSubject } from '../subject.ts'
import { RemoteWorld } from './remote-world.ts'
import { describeAnswers } from './serving/answers.ts'
import { describeClients } from './serving/clients.ts'
import { describeFairShares } from './serving/fair-shares.ts'
import { describeHealth } from './serving/health.ts'
import { describeLimits } from './serving/limits.ts'
import { describeReplicas } from './serving/replicas.ts'
import { describeSessions } from './serving/sessions.ts'
import { describeSlowClients } from './serving/slow-clients.ts'
import { describeStopping } from './serving/stopping.ts'
import { describeWholeServing } from './serving/whole-serving.ts'

/** What every server has to prove of how it serves those who are let in: over real sockets, alone and as one of many. */
export function describeRemoteServing(subject: ServerSubject): void {
  const world = new RemoteWorld(subject)
  describe(`how ${subject.name} serves remote callers`, () => {
    beforeAll(async () => {
      if (!existsSync(subject.entry)) throw new Error(`${subject.entry} is not built: run pnpm build`)
      await world.open()
    })
    afterAll(() => world.close())

    const slowClients = describeSlowClients(world)
    describeClients(world)
    describeSessions(world)
    describeAnswers(world)
    describeReplicas(world)
    describeStopping(world)
    describeHealth(world)
    describeLimits(world)
    describeFairShares(world)
    slowClients.describeTheirEnd()
    // Last: it looks back at all of the above.
    describeWholeServing(world)
  })
}
