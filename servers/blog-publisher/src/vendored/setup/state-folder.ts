import { homedir, platform, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { ConfigError, type Given } from './settings.ts'

/**
 * Where a server keeps its own files unless it is told. A relative path counts as unset, as the XDG base directory
 * specification demands: nothing is ever kept in the working folder.
 *
 * @throws {ConfigError} if this user has no home folder
 */
export function stateFolder(server: string, given: Given): string {
  const candidates = [
    given.XDG_STATE_HOME,
    platform() === 'win32' ? given.LOCALAPPDATA : undefined,
    ...homeFolders().map(home => join(home, '.local', 'state')),
  ]
  const base = candidates.find(folder => folder !== undefined && isAbsolute(folder))
  if (base === undefined)
    throw new ConfigError('AUDIT_FILE and AUDIT_KEY are required: there is no home folder to keep them in')
  return join(base, 'narrow-deputies', server)
}

/**
 * What `HOME` says, which can be empty, and what the system's own list of users says. In a container a user need not be
 * in that list: then each of the two may throw.
 */
function homeFolders(): string[] {
  return [homedir, () => userInfo().homedir].flatMap(find => {
    try {
      return [find()]
    } catch {
      return []
    }
  })
}
