import { type Kit, kitOf, readKit } from './kit.ts'
import { chooseServers } from './servers.ts'
import { readVendoredFolder, type VendoredFolder, VendoredFolderError } from './vendored-folder.ts'

/** A server whose manifest is not what the kit is now. Lists are of places, sorted. */
export interface ServerBehind {
  readonly server: string
  /** The kit's version at the server's last update. */
  readonly version: string
  /** The kit's version now. */
  readonly kitVersion: string
  /** Files of which the kit's content is another one now. */
  readonly changed: readonly string[]
  /** Files that an update would add. */
  readonly added: readonly string[]
  /** Files that the kit, or the server's variant, no longer has. */
  readonly removed: readonly string[]
}

/**
 * The servers that an update would bring something new. To be behind is no fault: a team decides when it updates.
 * A server whose folder cannot be judged, or that was never updated, is not among them: a check names it.
 *
 * @param root the repository
 * @param servers all of them if none is named
 * @throws {UnknownServerError}
 * @throws {KitError}
 */
export function serversBehind(root: string, servers: readonly string[] = []): ServerBehind[] {
  const chosen = chooseServers(root, servers)
  const kit = readKit(root)
  return chosen.flatMap(server => {
    try {
      return compare(readVendoredFolder(root, server), kit)
    } catch (error) {
      if (error instanceof VendoredFolderError) return []
      throw error
    }
  })
}

function compare({ server, manifest }: VendoredFolder, whole: Kit): ServerBehind[] {
  const kit = kitOf(whole, manifest.variant)
  const { version, files } = manifest
  if (version === undefined) return []
  const places = [...kit.files.keys()].sort()
  const changed = places.filter(place => files.has(place) && files.get(place) !== kit.files.get(place)?.sha256)
  const added = places.filter(place => !files.has(place))
  const removed = [...files.keys()].filter(place => !kit.files.has(place)).sort()
  const isCurrent = version === kit.version && changed.length + added.length + removed.length === 0
  return isCurrent ? [] : [{ server, version, kitVersion: kit.version, changed, added, removed }]
}

/** For a person: a line that names the server, then a line for each file. */
export function describeBehind({ server, version, kitVersion, changed, added, removed }: ServerBehind): string {
  const files = Object.entries({ changed, added, removed }).flatMap(([what, places]) =>
    places.map(place => `  ${what}: ${place}`),
  )
  const versions =
    version === kitVersion
      ? `both have version ${version}`
      : `version ${version}, the kit has ${kitVersion}${files.length === 0 ? ', with the same files' : ''}`
  return [`${server}: is behind the kit (${versions}); pnpm vendor ${server} updates it`, ...files].join('\n')
}
