import { plain } from '../plain-text.ts'
import { changesOf } from './compare.ts'
import { isAccepted, type Lock, LockError, type LockedTool } from './lock.ts'

/** What somebody puts their name to. */
export interface Acceptance {
  readonly by: string | undefined
  /** By tool, what its worst case is; undefined: what the lock file says already. */
  readonly worstCases: ReadonlyMap<string, string | undefined>
  /** A date. */
  readonly at: string
}

export interface Renewal {
  readonly lock: Lock
  /** What happened, and what is left to do, in lines for a person. */
  readonly lines: readonly string[]
}

/**
 * The lock after `preship lock`. What was filled in is kept; what was accepted and has changed since stays as it was,
 * and goes on failing, until it is accepted anew by name: nothing is waved through by running a command twice.
 *
 * @throws {LockError} if something is to be accepted that cannot be
 */
export function renew(before: Lock | undefined, now: Lock, { by, worstCases, at }: Acceptance): Renewal {
  for (const name of worstCases.keys())
    if (!now.tools.has(name)) throw new LockError(`--worst-case: the server has no tool “${plain(name, 80)}”`)
  const lines: string[] = []
  const tools = new Map<string, LockedTool>()
  for (const [name, tool] of now.tools) {
    const renewed = renewTool(name, before?.tools.get(name), tool)
    tools.set(name, renewed)
    const shown = plain(name, 80)
    if (renewed.surface !== tool.surface) {
      const changed = changesOf(renewed, tool).join(', ')
      lines.push(`${shown}: changed since ${plain(renewed.acceptedBy, 40)} accepted it (${changed}); accept it anew`)
    } else if (isAccepted(renewed)) lines.push(`${shown}: accepted by ${plain(renewed.acceptedBy, 40)}`)
    else if (renewed.worstCase !== null) lines.push(`${shown}: nobody has accepted its worst case yet`)
    else lines.push(`${shown}: write down the worst that can come of it`)
  }
  for (const name of before?.tools.keys() ?? [])
    if (!now.tools.has(name)) lines.push(`${plain(name, 80)}: gone from the server, and taken out`)
  const isOther = before && (before.instructions !== now.instructions || before.server !== now.server)
  if (isOther && by === undefined) lines.push('its name or instructions changed: run it with --accept-by NAME')
  const { server, instructions } = isOther && by === undefined ? before : now
  return { lock: { server, instructions, tools }, lines }

  function renewTool(name: string, locked: LockedTool | undefined, tool: LockedTool): LockedTool {
    const said = worstCases.get(name)
    const worstCase = said ?? locked?.worstCase ?? null
    if (worstCases.has(name)) {
      if (by === undefined && locked && isAccepted(locked))
        throw new LockError(
          `--worst-case ${plain(name, 80)}: somebody accepted it already; say who does now: --accept-by`,
        )
      if (worstCase === null) throw new LockError(`--worst-case ${plain(name, 80)}: there is none yet; add =TEXT`)
      const { surface, parts } = tool
      return { surface, parts, worstCase, acceptedBy: by ?? null, acceptedAt: by === undefined ? null : at }
    }
    if (!locked) return tool
    const hasChanged = changesOf(locked, tool).length > 0
    if (!hasChanged || isAccepted(locked)) return locked
    return { ...tool, worstCase }
  }
}
