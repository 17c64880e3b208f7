import { waitFor } from '../attack.ts'
import { isTerminal } from '../audit-soundness.ts'
import type { HostileBackend } from '../hostile-backend.ts'
import { outputOf } from '../human.ts'
import type { ToolSubject } from '../subject.ts'
import { messageOf, type Reply } from './remote-server.ts'
import type { Remote, RemoteWorld } from './remote-world.ts'

const CALLERS = 8

/**
 * Calls a tool from several callers until the server has answered so many calls, and kills it meanwhile. Resolves to a
 * line for each fault: an answered call without a terminal record, a request to the backend without an intent, or an
 * audit file that does not verify.
 */
export async function faultsOfKill(how: {
  readonly world: RemoteWorld
  readonly remote: Remote
  /** The backend of the server. */
  readonly backend: HostileBackend
  readonly token: string
  readonly tool: ToolSubject
  readonly answers: number
}): Promise<string[]> {
  const { world, remote, backend, token, tool, answers } = how
  const answered: string[] = []
  const before = backend.arrivals.length
  const caller = async (of: number): Promise<void> => {
    for (let count = 0; ; count += 1) {
      const traceId = `${of}${String(count).padStart(4, '0')}`.padStart(32, 'a')
      const _meta = { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` }
      const reply = await remote.server.call(token, tool.name, world.valid(tool), { _meta }).catch(() => undefined)
      if (!reply) return
      if (isAnswered(reply)) answered.push(traceId)
    }
  }
  const callers = Array.from({ length: CALLERS }, (_, at) => caller(at + 1))
  await waitFor(() => answered.length >= answers)
  await remote.server.kill('SIGKILL')
  await Promise.all(callers)

  const records = remote.trail.records()
  const ended = new Set(records.filter(isTerminal).map(({ trace }) => trace?.traceId))
  const intents = new Set(records.filter(({ event }) => event === 'intent').map(({ callId }) => callId))
  const requested = backend.arrivals.slice(before).map(({ headers }) => String(headers['x-request-id']))
  return [
    ...(answered.length < answers ? [`only ${answered.length} calls were answered`] : []),
    ...answered.filter(traceId => !ended.has(traceId)).map(traceId => `trace ${traceId} has no terminal record`),
    ...requested.filter(callId => !intents.has(callId)).map(callId => `request ${callId} has no intent`),
    ...(await remote.trail.verify()).findings.map(({ message }) => message),
  ]
}

function isAnswered(reply: Reply): boolean {
  return reply.status === 200 && outputOf(messageOf(reply)) !== undefined
}
