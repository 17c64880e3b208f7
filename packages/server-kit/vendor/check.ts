import { countOf } from './count.ts'
import { type Kit, readKit } from './kit.ts'
import { MANIFEST } from './manifest.ts'
import { chooseServers } from './servers.ts'
import { readVendoredFolder, type VendoredFolder, VendoredFolderError } from './vendored-folder.ts'

/** What a check found at one server. */
export interface ServerCheck {
  readonly server: string
  /** One line for each fault, which begins with the file's path. Empty if all is well. */
  readonly problems: readonly string[]
  /** What a reader should know that is not a fault. Empty if there are problems. */
  readonly notes: readonly string[]
}

/**
 * Compares servers' copies with their manifests: every file must be as `vendored.json` says, or explained there.
 *
 * @param root the repository
 * @param servers all of them if none is named
 * @throws {UnknownServerError}
 * @throws {KitError}
 */
export function checkServers(root: string, servers: readonly string[] = []): ServerCheck[] {
  const chosen = chooseServers(root, servers)
  const kit = readKit(root)
  return chosen.map(server => {
    try {
      const folder = readVendoredFolder(root, server)
      const problems = problemsOf(folder)
      if (problems.length > 0) return { server, problems, notes: [] }
      return { server, problems, notes: [summaryOf(folder), ...needlessPatches(folder, kit)] }
    } catch (error) {
      if (!(error instanceof VendoredFolderError)) throw error
      return { server, problems: error.faults, notes: [] }
    }
  })
}

/** The faults of `checkServers`, of all the servers together. */
export function problemsOfVendoring(root: string, servers: readonly string[] = []): string[] {
  return checkServers(root, servers).flatMap(({ problems }) => problems)
}

function problemsOf({ server, shown, manifest, files }: VendoredFolder): string[] {
  if (manifest.version === undefined)
    return [`${shown}/${MANIFEST}: lists no files: nothing was copied yet, run pnpm vendor ${server}`]
  const places = [...new Set([...manifest.files.keys(), ...files.keys()])].sort()
  const wrong = places.flatMap(place => {
    const recorded = manifest.files.get(place)
    const found = files.get(place)
    if (recorded === undefined) return `${shown}/${place}: is not listed in ${MANIFEST}`
    if (found === recorded || manifest.patched.has(place)) return []
    const what = found === undefined ? 'is missing' : 'was changed since it was copied'
    return `${shown}/${place}: ${what}, and "patched" does not explain it`
  })
  const stray = [...manifest.patched.keys()].filter(place => !manifest.files.has(place))
  return [
    ...wrong,
    ...stray.map(place => `${shown}/${MANIFEST}: "${place}" under "patched" is not a file of the manifest`),
  ]
}

function needlessPatches({ shown, manifest, files }: VendoredFolder, kit: Kit): string[] {
  const isAsKit = (place: string): boolean => {
    const found = files.get(place)
    return found !== undefined && [manifest.files.get(place), kit.files.get(place)?.sha256].includes(found)
  }
  return [...manifest.patched.keys()]
    .filter(isAsKit)
    .map(place => `${shown}/${place}: is the same as the kit's file, so its entry under "patched" is no longer needed`)
}

function summaryOf({ server, manifest, files }: VendoredFolder): string {
  const asVendored = [...manifest.files].filter(([place, hash]) => files.get(place) === hash).length
  const patched = manifest.files.size - asVendored
  const verb = asVendored === 1 ? 'is' : 'are'
  const others = patched === 0 ? '' : `, ${countOf(patched, 'file')} patched`
  const { version, variant } = manifest
  return `${server}: ${countOf(asVendored, 'file')} ${verb} as vendored${others} (version ${version}, ${variant})`
}
