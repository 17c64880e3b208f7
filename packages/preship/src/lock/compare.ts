import type { Evidence, Finding, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { Surface } from '../surface.ts'
import { PARTS, type Part } from './fingerprint.ts'
import { isAccepted, type Lock, type LockedTool, lockOf } from './lock.ts'

const PART_NAMES: Readonly<Record<Part, string>> = {
  title: 'title',
  description: 'description',
  inputSchema: 'input schema',
  outputSchema: 'output schema',
  annotations: 'annotations',
}

/** Names the parts of a tool that changed. */
export function changesOf(before: LockedTool, now: LockedTool): string[] {
  if (before.surface === now.surface) return []
  const changed = PARTS.filter(part => before.parts[part] !== now.parts[part]).map(part => PART_NAMES[part])
  return changed.length > 0 ? changed : ['other listed properties (icons, _meta)']
}

/** Compares a server with its lock file. */
export function compareWithLock(surface: Surface, lock: Lock): Result {
  const now = lockOf(surface)
  const findings: Finding[] = []
  if (now.server !== lock.server) {
    const message = `the server name is “${sanitize(now.server, 80)}”, but the lock file is for “${sanitize(lock.server, 80)}”`
    findings.push({ code: 'LOCK_CHANGED', message })
  }
  if (now.instructions !== lock.instructions)
    findings.push({ code: 'LOCK_CHANGED', message: 'the server instructions changed since they were locked' })
  for (const [name, tool] of now.tools) {
    const locked = lock.tools.get(name)
    const about = { tool: sanitize(name, 80) }
    const changes = locked ? changesOf(locked, tool) : []
    if (!locked) findings.push({ code: 'LOCK_NEW_TOOL', ...about, message: 'the tool is not in the lock file' })
    else if (changes.length > 0)
      findings.push({ code: 'LOCK_CHANGED', ...about, message: `changed since it was locked: ${changes.join(', ')}` })
    else if (!isAccepted(locked)) {
      const problem = locked.worstCase === null ? 'has no worst case' : 'has a worst case that nobody has accepted'
      findings.push({ code: 'LOCK_UNACCEPTED', ...about, message: `the tool ${problem} in the lock file` })
    }
  }
  for (const name of lock.tools.keys())
    if (!now.tools.has(name))
      findings.push({ code: 'LOCK_GONE_TOOL', tool: sanitize(name, 80), message: 'the server no longer lists it' })
  const text = `${now.tools.size} tools match the lock file, each with an accepted worst case`
  const evidence: Evidence[] = findings.length === 0 && now.tools.size > 0 ? [{ item: 1, text }] : []
  return { findings, evidence }
}
