import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A name is not one of a server. */
export class UnknownServerError extends Error {
  override name = 'UnknownServerError'
}

/**
 * The servers that are named, or all of them if none is: the folders of `servers/` that have a `package.json`.
 *
 * @param root the repository
 * @throws {UnknownServerError}
 */
export function chooseServers(root: string, names: readonly string[]): string[] {
  const servers = listServers(root)
  const unknown = names.find(name => !servers.includes(name))
  if (unknown !== undefined)
    throw new UnknownServerError(`there is no server "${unknown}"; the servers are ${servers.join(', ') || 'none yet'}`)
  return names.length === 0 ? servers : [...new Set(names)]
}

function listServers(root: string): string[] {
  const folder = join(root, 'servers')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(folder, entry.name, 'package.json')))
    .map(entry => entry.name)
    .sort()
}
