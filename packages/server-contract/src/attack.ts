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
 * Sends hostile calls one after the other. For each, checks the reply, the backend and the audit log. Resolves to a line
 * for each fault.
 */
export async function attack(
  world: World,
  { server, trail }: Launched,
  calls: readonly HostileCall[],
): Promise<string[]> {
  const faults: string[] = []
  const newRecords = trail.follow()
  let missing = 0
  for (const { title, line, id, calls: expected } of calls) {
    const fault = (what: string): number => faults.push(`${title}: ${what}`)
    const records: AuditRecord[] = []
    const ends = (): number => {
      records.push(...newRecords())
      return records.filter(isTerminal).length
    }
    const linesBefore = server.lines.length
    const arrivals = await world.arrivals(async () => {
      server.writeLine(line)
      // The server handles lines in order. If it refuses the call at once, it has done so when this is answered.
      await server.request('tools/list', {})
      await waitFor(() => ends() >= expected)
      if (ends() < expected) missing += 1
      if (id !== undefined && !(await isAnswered(server, id))) {
        missing += 1
        fault('there is no reply')
      }
      // If it refuses the call later, its reply comes before this one.
      await server.request('tools/list', {})
    })
    for (const { method, url } of arrivals) fault(`${method} ${url} reached the backend`)
    if (ends() !== expected) fault(`it has ${ends()} terminal records, not ${expected}`)
    for (const { event, result } of records) if (result !== undefined) fault(`its ${event} record has a result`)

    for (const message of server.lines.slice(linesBefore).map(text => JSON.parse(text) as Message)) {
      if ((message.result as Message | undefined)?.tools) continue
      const wrong = message.method ? 'the server sent a request' : faultOfRefusal(message)
      if (wrong) fault(wrong)
      else if (id !== undefined && message.id !== id) fault(`the reply is for ${JSON.stringify(message.id)}`)
    }
    if (missing >= MAX_MISSING) return [...faults, 'the other calls were not tried']
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
