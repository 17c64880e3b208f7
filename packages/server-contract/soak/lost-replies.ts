import { FaultyProxy, PROXY_FAULTS } from '../src/faulty-proxy.ts'
import { outputOf } from '../src/human.ts'
import { errorCodeOf, type RunningServer } from '../src/running-server.ts'
import type { ToolSubject } from '../src/subject.ts'
import { World } from '../src/world.ts'
import { mustBeEmpty } from './remote-world.ts'
import { createTicket, ticketHandler, updateTicket } from './ticket-handler.ts'

const WRITES = 2_000
const CALLERS = 8
/** In percent. */
const FAULTS = 60
const REPORTS = 4

/** Writes whose requests and replies are lost are done at most once, and once if the server says so. */
export async function* proveLostReplies(): AsyncGenerator<string> {
  const world = new World(ticketHandler)
  await world.open()
  const proxy = await FaultyProxy.start(world.access.url)
  try {
    // The same faults in every run: a linear congruential generator (Numerical Recipes).
    let state = 1
    const random = (n: number): number => {
      state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
      return Math.floor((state / 2 ** 32) * n)
    }
    proxy.faultOf = ({ method }) =>
      method !== 'GET' && random(100) < FAULTS ? PROXY_FAULTS[random(PROXY_FAULTS.length)] : undefined
    const { server, trail } = await world.start('modern', { env: { TICKET_API_URL: proxy.url } })

    let unknown = 0
    for (let report = 0; report < REPORTS; report += 1) {
      const done = await Promise.all(
        Array.from({ length: CALLERS }, async () => {
          const faults: string[] = []
          for (let count = 0; count < WRITES / CALLERS / REPORTS; count += 1) {
            const tool = count % 2 ? createTicket : updateTicket
            const { isKnown, fault } = await write(world, server, tool)
            if (!isKnown) unknown += 1
            if (fault) faults.push(fault)
          }
          return faults
        }),
      )
      mustBeEmpty(done.flat())
      yield `${((report + 1) * WRITES) / REPORTS} writes, ${unknown} unknown outcomes: none is done twice`
    }
    if (unknown === 0) throw new Error('no outcome was unknown: the proxy has caused too few faults')
    await server.end()
    mustBeEmpty((await trail.verify()).findings.map(({ message }) => message))
    yield 'the audit log verifies'
  } finally {
    await proxy.close()
    await world.close()
  }
}

/** Calls a write tool once, and compares the reply with the backend's data. */
async function write(
  world: World,
  server: RunningServer,
  tool: ToolSubject,
): Promise<{ isKnown: boolean; fault: string | undefined }> {
  const args = world.valid(tool)
  const reply = await server.call(tool.name, args)
  const times = timesDone(world, args)
  const isDone = outputOf(reply) !== undefined
  const code = errorCodeOf(reply)
  const isRight = isDone ? times === 1 : code === 'OUTCOME_UNKNOWN' && times <= 1
  return {
    isKnown: isDone,
    fault: isRight ? undefined : `${tool.name}: done ${times} times, and the reply is ${code ?? 'a result'}`,
  }
}

function timesDone({ backend }: World, { subject, note }: Record<string, unknown>): number {
  const rows = backend.ticketRows()
  if (subject !== undefined) return rows.filter(row => row.subject === subject).length
  return rows.flatMap(({ notes }) => notes).filter(({ text }) => text === note).length
}
