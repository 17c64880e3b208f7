import { kindOf } from './catalogue.ts'
import { Connections, UnexaminableError } from './connections.ts'
import { evidenceFrom } from './evidence-from.ts'
import { examine } from './examine.ts'
import type { Finding } from './finding.ts'
import { compareWithLock } from './lock/compare.ts'
import { type Lock, lockOf, writeLock } from './lock/lock.ts'
import { renew } from './lock/renew.ts'
import type { Report } from './report/report.ts'
import { anomalies } from './rules/anomalies.ts'
import { sanitize } from './sanitize.ts'
import type { Settings } from './settings.ts'
import { nameOf } from './target.ts'
import { verdictOf } from './verdict.ts'

export interface Running {
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** Runs the full examination. @throws {UnexaminableError} */
export async function runExamination(settings: Settings, running: Running): Promise<Report> {
  const { target, neighbours, timeoutMs, deadlineMs, writeProbes: mayWrite } = settings
  const evidence = evidenceFrom(settings)
  const examples = settings.manifest?.examples ?? {}
  return await examine({ target, mayWrite, neighbours, evidence, examples, timeoutMs, deadlineMs, ...running })
}

/** Compares the server with the lock file, without calling a tool. @throws {UnexaminableError} */
export async function runVerification(settings: Settings, locked: Lock, running: Running): Promise<Report> {
  const startedAt = performance.now()
  const surface = await surfaceOf(settings, running)
  const result = compareWithLock(surface, locked)
  // An incomplete or changing tool list is not the list that was accepted.
  const findings = [...anomalies(surface, []), ...result.findings]
  const tested = { 1: true, 2: false, 3: false, 4: false, 5: false, 6: false, 7: false, 8: false }
  return {
    target: sanitize(nameOf(settings.target)),
    server: { name: sanitize(surface.server.name, 80), version: sanitize(surface.server.version, 40) },
    tools: surface.tools.map(({ name }) => sanitize(name, 80)),
    verdicts: verdictOf({ ...result, findings }, tested).filter(({ item }) => item === 1),
    findings,
    durationMs: Math.round(performance.now() - startedAt),
  }
}

/** Writes the lock file and returns what remains to be done. @throws {UnexaminableError} @throws {LockError} */
export async function runLocking(settings: Settings, running: Running, today: string): Promise<string> {
  const surface = await surfaceOf(settings, running)
  const worstCases = new Map(
    settings.worstCases.map(option => {
      const [, tool = '', text] = /^(.*?)(?:=(.*))?$/s.exec(option) ?? []
      return [tool, text]
    }),
  )
  const { lock, lines } = renew(settings.locked, lockOf(surface), { by: settings.acceptBy, worstCases, at: today })
  writeLock(settings.lockFile, lock)
  return `${[`${settings.lockFile}: ${lock.tools.size} tools`, ...lines.map(line => `  ${line}`)].join('\n')}\n`
}

/** Whether this finding makes the run fail. */
export function fails({ failOn }: Settings, { code }: Finding): boolean {
  const { severity } = kindOf(code)
  return severity === 'error' || severity === failOn
}

export function hasFailed(settings: Settings, { verdicts, findings }: Report): boolean {
  if (settings.strict && verdicts.some(({ answer }) => answer !== 'pass')) return true
  return verdicts.some(({ answer }) => answer === 'fail') || findings.some(finding => fails(settings, finding))
}

async function surfaceOf(settings: Settings, running: Running) {
  const connections = new Connections({ ...settings, signal: running.signal })
  try {
    running.onProgress('reading the tool list')
    const inspected = await connections.connectAndInspect(settings.deadlineMs)
    if (!inspected)
      throw new UnexaminableError('the server requires an access token: pass one with --token-file or PRESHIP_TOKEN')
    return inspected.surface
  } finally {
    await connections.end()
  }
}
