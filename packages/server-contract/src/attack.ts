import { setTimeout as pause } from 'node:timers/promises'
import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import { isTerminal } from './audit-soundness.ts'
import { faultOfRefusal } from './error-codes.ts'
import type { HostileCall } from './hostile-calls.ts'
import type { Message, RunningServer } from './running-server.ts'
import type { Launched, World } from './world.ts'

/** Long enough for a busy machine. Only a test that fails waits this long. */
const PATIENCE_MS = 10_000

/** After so many missing replies or records, the other calls are not tried. */
const MAX_MISSING = 3

/**
 * Sends one hostile call after another, and for each looks at what came back, at the backend and in the audit log.
 * Resolves to all that is wrong, a line each.
 */
export async function attack(
  world: World,
  { server, trail }: Launched,
  calls: readonly HostileCall[],
): Promise<string[]> {
  const faults: string[] = []
  const news = trail.follow()
  let missing = 0
  for (const { title, line, id, calls: expected } of calls) {
    const fault = (what: string): number => faults.push(`${title}: ${what}`)
    const records: AuditRecord[] = []
    const ends = (): number => {
      records.push(...news())
      return records.filter(isTerminal).length
    }
    const linesBefore = server.lines.length
    const arrivals = await world.arrivals(async () => {
      server.writeLine(line)
      // Lines are taken in order: what was refused at once is answered, and on record, when this is.
      await server.request('tools/list', {})
      await waitFor(() => ends() >= expected)
      if (ends() < expected) missing += 1
      if (id !== undefined && !(await isAnswered(server, id))) {
        missing += 1
        fault('there is no reply')
      }
      // And what was refused later has been answered before this is read.
      await server.request('tools/list', {})
    })
    for (const { method, url } of arrivals) fault(`${method} ${url} reached the backend`)
    if (ends() !== expected) fault(`the audit log has ${ends()} ends of calls, not ${expected}`)
    for (const { event, result } of records) if (result !== undefined) fault(`the audit log has a result in ${event}`)

    for (const message of server.lines.slice(linesBefore).map(text => JSON.parse(text) as Message)) {
      if ((message.result as Message | undefined)?.tools) continue
      const wrong = message.method ? 'the server asked the client' : faultOfRefusal(message)
      if (wrong) fault(wrong)
      else if (id !== undefined && message.id !== id) fault(`the reply is for ${JSON.stringify(message.id)}`)
    }
    if (missing >= MAX_MISSING) return [...faults, 'what comes after that was not tried']
  }
  return faults
}

async function isAnswered(server: RunningServer, id: unknown): Promise<boolean> {
  try {
    await server.replyTo(id, PATIENCE_MS)
    return true
  } catch {
    return false
  }
}

/** Resolves when the condition is true, or after a timeout. The caller checks the condition again. */
export async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!condition() && performance.now() < deadline) await pause(5)
}
