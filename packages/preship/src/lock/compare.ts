import type { Evidence, Finding, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { Surface } from '../surface.ts'
import { PARTS, type Part } from './fingerprint.ts'
import { isAccepted, type Lock, type LockedTool, lockOf } from './lock.ts'

const WORDS: Readonly<Record<Part, string>> = {
  title: 'title',
  description: 'description',
  inputSchema: 'input schema',
  outputSchema: 'output schema',
  annotations: 'annotations',
}

/** Which parts of a tool are not what they were. */
export function changesOf(before: LockedTool, now: LockedTool): string[] {
  if (before.surface === now.surface) return []
  const changed = PARTS.filter(part => before.parts[part] !== now.parts[part]).map(part => WORDS[part])
  return changed.length > 0 ? changed : ['what else is listed with it (icons, _meta)']
}

/** Judges a server by what was decided about it. */
export function compareWithLock(surface: Surface, lock: Lock): Result {
  const now = lockOf(surface)
  const findings: Finding[] = []
  if (now.server !== lock.server) {
    const message = `it calls itself “${plain(now.server, 80)}”; the lock file is “${plain(lock.server, 80)}”’s`
    findings.push({ code: 'LOCK_CHANGED', message })
  }
  if (now.instructions !== lock.instructions)
    findings.push({ code: 'LOCK_CHANGED', message: 'its instructions are not what they were' })
  for (const [name, tool] of now.tools) {
    const locked = lock.tools.get(name)
    const about = { tool: plain(name, 80) }
    const changes = locked ? changesOf(locked, tool) : []
    if (!locked) findings.push({ code: 'LOCK_NEW_TOOL', ...about, message: 'it is not in the lock file' })
    else if (changes.length > 0)
      findings.push({ code: 'LOCK_CHANGED', ...about, message: `changed since it was locked: ${changes.join(', ')}` })
    else if (!isAccepted(locked)) {
      const lacks = locked.worstCase === null ? 'has no worst case' : 'has a worst case that nobody accepted'
      findings.push({ code: 'LOCK_UNACCEPTED', ...about, message: `it ${lacks} in the lock file` })
    }
  }
  for (const name of lock.tools.keys())
    if (!now.tools.has(name))
      findings.push({ code: 'LOCK_GONE_TOOL', tool: plain(name, 80), message: 'the server no longer lists it' })
  const text = `${now.tools.size} tools are as they were locked, each with a worst case that somebody accepted`
  const evidence: Evidence[] = findings.length === 0 && now.tools.size > 0 ? [{ item: 1, text }] : []
  return { findings, evidence }
}
