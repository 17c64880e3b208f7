import type { Kit } from './kit.ts'
import { formatManifest } from './manifest.ts'
import type { VendoredFolder } from './vendored-folder.ts'

/** What an update would do to a server's folder. Lists are of places, sorted. */
export interface UpdatePlan {
  readonly copies: readonly string[]
  readonly removals: readonly string[]
  /** What stops the update. */
  readonly obstacles: readonly Obstacle[]
  /** Patched files of which the kit's version changed since the last update. */
  readonly patchesToReview: readonly string[]
  /** Files that are neither the kit's nor in the manifest. An update leaves them. */
  readonly unlisted: readonly string[]
  /** The new text of `vendored.json`. */
  readonly manifestText: string
}

export interface Obstacle {
  readonly place: string
  readonly reason: string
  /** Whether `--force` would overwrite or remove the file. */
  readonly forcible: boolean
}

/**
 * Plans an update; reads and writes nothing.
 *
 * @param kit the part of the kit that the server's variant takes
 * @param force whether to overwrite and remove files that were changed by hand. Patched files are kept all the same
 */
export function planUpdate(folder: VendoredFolder, kit: Kit, force: boolean): UpdatePlan {
  const { manifest, files } = folder
  const plan = {
    copies: [] as string[],
    removals: [] as string[],
    obstacles: [] as Obstacle[],
    patchesToReview: [] as string[],
    unlisted: [] as string[],
  }
  for (const place of placesOf(folder, kit)) {
    const wanted = kit.files.get(place)?.sha256
    const recorded = manifest.files.get(place)
    const found = files.get(place)
    const action = wanted === undefined ? plan.removals : plan.copies
    if (manifest.patched.has(place)) {
      if (wanted === undefined) plan.obstacles.push({ place, reason: PATCHED_BUT_NOT_IN_KIT, forcible: false })
      else if (recorded !== undefined && recorded !== wanted) plan.patchesToReview.push(place)
    } else if (found === wanted) {
      // As the kit has it, or gone here as in the kit.
    } else if (recorded === undefined && wanted === undefined) {
      plan.unlisted.push(place)
    } else if (found === undefined || found === recorded || force) {
      action.push(place)
    } else {
      const reason =
        recorded === undefined ? 'is not a copy, and the kit has a file of this name' : 'was changed by hand'
      plan.obstacles.push({ place, reason, forcible: true })
    }
  }
  plan.obstacles.push(...obstructions(folder, plan.copies))
  const hashes = new Map([...kit.files].map(([place, file]) => [place, file.sha256]))
  const manifestText = formatManifest({ ...manifest, version: kit.version, files: hashes })
  return { ...plan, manifestText }
}

const PATCHED_BUT_NOT_IN_KIT =
  'is named under "patched", but the kit has no such file: remove the entry, and remove the file or move it out of vendored/'

/** Every place that the kit, the manifest or the folder knows, sorted. */
function placesOf({ manifest, files }: VendoredFolder, kit: Kit): string[] {
  const places = [kit.files, manifest.files, manifest.patched, files].flatMap(map => [...map.keys()])
  return [...new Set(places)].sort()
}

/** Where a folder is in the way of a file, or a file in the way of a folder. */
function obstructions({ files, folders }: VendoredFolder, copies: readonly string[]): Obstacle[] {
  const forcible = false
  return [
    ...copies
      .filter(place => folders.has(place))
      .map(place => ({ place, reason: 'is a folder, and the kit has a file of this name', forcible })),
    ...[...files.keys()]
      .filter(file => copies.some(place => place.startsWith(`${file}/`)))
      .map(place => ({ place, reason: 'is a file, and the kit has a folder of this name', forcible })),
  ]
}

/** A line for each file that stops an update, and what to do about those that were changed by hand. */
export function describeObstacles({ server, shown }: VendoredFolder, obstacles: readonly Obstacle[]): string[] {
  const lines = obstacles.map(({ place, reason }) => `${shown}/${place}: ${reason}`)
  const advice =
    'Put the change into the kit, or explain it under "patched" in vendored.json, ' +
    `or overwrite it with the kit's file: pnpm vendor --force ${server}`
  return obstacles.some(({ forcible }) => forcible) ? [...lines, advice] : lines
}
