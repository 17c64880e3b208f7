import { kindOf } from './catalogue.ts'
import { evidenceFrom } from './evidence-from.ts'
import { examine } from './examine.ts'
import type { Finding } from './finding.ts'
import { compareWithLock } from './lock/compare.ts'
import { type Lock, lockOf, writeLock } from './lock/lock.ts'
import { renew } from './lock/renew.ts'
import { plain } from './plain-text.ts'
import type { Report } from './report/report.ts'
import { oddities } from './rules/oddities.ts'
import type { Settings } from './settings.ts'
import { nameOf } from './target.ts'
import { verdictOf } from './verdict.ts'
import { UnexaminableError, Visit } from './visit.ts'

export interface Running {
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** Everything. @throws {UnexaminableError} */
export async function runExamination(settings: Settings, running: Running): Promise<Report> {
  const { target, neighbours, timeoutMs, deadlineMs, writeProbes: mayWrite } = settings
  const evidence = evidenceFrom(settings)
  const examples = settings.manifest?.examples ?? {}
  return await examine({ target, mayWrite, neighbours, evidence, examples, timeoutMs, deadlineMs, ...running })
}

/** Only what the lock file can say: no tool is called. @throws {UnexaminableError} */
export async function runVerification(settings: Settings, locked: Lock, running: Running): Promise<Report> {
  const startedAt = performance.now()
  const surface = await surfaceOf(settings, running)
  const result = compareWithLock(surface, locked)
  // A list that could not be read to its end is not the one that was accepted.
  const findings = [...oddities(surface, []), ...result.findings]
  const asked = { 1: true, 2: false, 3: false, 4: false, 5: false, 6: false, 7: false, 8: false }
  return {
    target: plain(nameOf(settings.target)),
    server: { name: plain(surface.server.name, 80), version: plain(surface.server.version, 40) },
    tools: surface.tools.map(({ name }) => plain(name, 80)),
    verdicts: verdictOf({ ...result, findings }, asked).filter(({ item }) => item === 1),
    findings,
    durationMs: Math.round(performance.now() - startedAt),
  }
}

/** Writes the lock file, and says what is left to do. @throws {UnexaminableError} @throws {LockError} */
export async function runLocking(settings: Settings, running: Running, today: string): Promise<string> {
  const surface = await surfaceOf(settings, running)
  const worstCases = new Map(
    settings.worstCases.map(text => {
      const [, tool = '', said] = /^(.*?)(?:=(.*))?$/s.exec(text) ?? []
      return [tool, said]
    }),
  )
  const { lock, lines } = renew(settings.locked, lockOf(surface), { by: settings.acceptBy, worstCases, at: today })
  writeLock(settings.lockFile, lock)
  return `${[`${settings.lockFile}: ${lock.tools.size} tools`, ...lines.map(line => `  ${line}`)].join('\n')}\n`
}

/** Whether a finding alone makes the run fail. */
export function fails({ failOn }: Settings, { code }: Finding): boolean {
  const { severity } = kindOf(code)
  return severity === 'error' || severity === failOn
}

export function hasFailed(settings: Settings, { verdicts, findings }: Report): boolean {
  if (settings.strict && verdicts.some(({ answer }) => answer !== 'pass')) return true
  return verdicts.some(({ answer }) => answer === 'fail') || findings.some(finding => fails(settings, finding))
}

async function surfaceOf(settings: Settings, running: Running) {
  const visit = new Visit({ ...settings, signal: running.signal })
  try {
    running.onProgress('looking at its tools')
    const seen = await visit.firstLook(settings.deadlineMs)
    if (!seen) throw new UnexaminableError('it lets nobody in like this: give it an access token with --token-file')
    return seen.surface
  } finally {
    await visit.end()
  }
}
