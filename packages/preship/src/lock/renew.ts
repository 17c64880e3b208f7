import { sanitize } from '../sanitize.ts'
import { changesOf } from './compare.ts'
import { isAccepted, type Lock, LockError, type LockedTool } from './lock.ts'

/** What a person accepts on the command line. */
export interface Acceptance {
  readonly by: string | undefined
  /** The worst case of each tool. Undefined accepts the one in the lock file. */
  readonly worstCases: ReadonlyMap<string, string | undefined>
  /** A date: `2026-01-31`. */
  readonly at: string
}

export interface Renewal {
  readonly lock: Lock
  /** Messages for the user: what happened, and what remains to be done. */
  readonly lines: readonly string[]
}

/**
 * Computes the lock file that `preship lock` writes. Worst cases that were filled in are kept. An accepted tool that
 * has changed keeps its old entry, so that `verify` goes on failing until somebody accepts it by name: running the
 * command twice must not accept a change.
 *
 * @throws {LockError} if something cannot be accepted
 */
export function renew(before: Lock | undefined, now: Lock, { by, worstCases, at }: Acceptance): Renewal {
  for (const name of worstCases.keys())
    if (!now.tools.has(name)) throw new LockError(`--worst-case: the server has no tool “${sanitize(name, 80)}”`)
  const lines: string[] = []
  const tools = new Map<string, LockedTool>()
  for (const [name, tool] of now.tools) {
    const renewed = renewTool(name, before?.tools.get(name), tool)
    tools.set(name, renewed)
    const shown = sanitize(name, 80)
    if (renewed.surface !== tool.surface) {
      const changed = changesOf(renewed, tool).join(', ')
      lines.push(
        `${shown}: changed since ${sanitize(renewed.acceptedBy, 40)} accepted it (${changed}); review and accept it again`,
      )
    } else if (isAccepted(renewed)) lines.push(`${shown}: accepted by ${sanitize(renewed.acceptedBy, 40)}`)
    else if (renewed.worstCase !== null) lines.push(`${shown}: the worst case is not accepted yet`)
    else lines.push(`${shown}: no worst case yet; add one with --worst-case`)
  }
  for (const name of before?.tools.keys() ?? [])
    if (!now.tools.has(name)) lines.push(`${sanitize(name, 80)}: removed, because the server no longer lists it`)
  const hasNewIdentity = before && (before.instructions !== now.instructions || before.server !== now.server)
  if (hasNewIdentity && by === undefined)
    lines.push('the server name or instructions changed: review them and accept them with --accept-by NAME')
  const { server, instructions } = hasNewIdentity && by === undefined ? before : now
  return { lock: { server, instructions, tools }, lines }

  function renewTool(name: string, locked: LockedTool | undefined, tool: LockedTool): LockedTool {
    const given = worstCases.get(name)
    const worstCase = given ?? locked?.worstCase ?? null
    if (worstCases.has(name)) {
      if (by === undefined && locked && isAccepted(locked))
        throw new LockError(
          `--worst-case ${sanitize(name, 80)}: the tool is already accepted; name who accepts the change with --accept-by`,
        )
      if (worstCase === null)
        throw new LockError(
          `--worst-case ${sanitize(name, 80)}: there is no worst case in the lock file yet; add =TEXT`,
        )
      const { surface, parts } = tool
      return { surface, parts, worstCase, acceptedBy: by ?? null, acceptedAt: by === undefined ? null : at }
    }
    if (!locked) return tool
    const hasChanged = changesOf(locked, tool).length > 0
    if (!hasChanged || isAccepted(locked)) return locked
    return { ...tool, worstCase }
  }
}
