import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { countOf } from './count.ts'
import { type Kit, kitOf, readKit } from './kit.ts'
import { MANIFEST } from './manifest.ts'
import { chooseServers } from './servers.ts'
import { describeObstacles, planUpdate, type UpdatePlan } from './update-plan.ts'
import { readVendoredFolder, type VendoredFolder, VendoredFolderError } from './vendored-folder.ts'

/** What an update of some servers did. */
export interface UpdateReport {
  /** Lines on the servers that were updated. */
  readonly done: readonly string[]
  /** One message for each server that was not updated. Nothing of such a server was written. */
  readonly stopped: readonly string[]
}

/**
 * Copies the kit into servers.
 *
 * @param root the repository
 * @param servers all of them if none is named
 * @param options.force whether to overwrite and remove files that were changed by hand and are not patched
 * @throws {UnknownServerError} and writes nothing
 * @throws {KitError} and writes nothing
 */
export function updateServers(
  root: string,
  servers: readonly string[] = [],
  options: { force?: boolean } = {},
): UpdateReport {
  const chosen = chooseServers(root, servers)
  const kit = readKit(root)
  // All are planned before the first is written.
  const updates = chosen.map(server => prepare(root, server, kit, options.force ?? false))
  return {
    done: updates.flatMap(update => ('stopped' in update ? [] : carryOut(update))),
    stopped: updates.flatMap(update => ('stopped' in update ? update.stopped : [])),
  }
}

interface Update {
  readonly folder: VendoredFolder
  readonly kit: Kit
  readonly plan: UpdatePlan
}

function prepare(root: string, server: string, whole: Kit, force: boolean): Update | { readonly stopped: string } {
  const stopped = (lines: readonly string[]) => ({
    stopped: [`${server}: was not updated, and nothing of it was written`, ...lines].join('\n'),
  })
  let folder: VendoredFolder
  try {
    folder = readVendoredFolder(root, server)
  } catch (error) {
    if (error instanceof VendoredFolderError) return stopped(error.faults)
    throw error
  }
  const kit = kitOf(whole, folder.manifest.variant)
  const plan = planUpdate(folder, kit, force)
  return plan.obstacles.length > 0 ? stopped(describeObstacles(folder, plan.obstacles)) : { folder, kit, plan }
}

function carryOut({ folder, kit, plan }: Update): string[] {
  write(folder, kit, plan)
  return describeUpdate(folder, kit, plan)
}

/** An interrupted update leaves whole files, and the next update completes it: the manifest is written last. */
function write({ path, manifestText }: VendoredFolder, kit: Kit, plan: UpdatePlan): void {
  for (const place of plan.copies) {
    const file = kit.files.get(place)
    if (file !== undefined) replaceFile(join(path, place), file.bytes)
  }
  for (const place of plan.removals) {
    rmSync(join(path, place), { force: true })
    removeEmptyFolders(path, dirname(place))
  }
  if (plan.manifestText !== manifestText) replaceFile(join(path, MANIFEST), plan.manifestText)
}

function replaceFile(path: string, content: Buffer | string): void {
  const temporary = `${path}.${process.pid}.vendoring`
  mkdirSync(dirname(path), { recursive: true })
  try {
    writeFileSync(temporary, content, { flag: 'wx' })
    renameSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Removes a folder below `path` if it is empty, then its parent if that is empty, and so on up to `path`. */
function removeEmptyFolders(path: string, folder: string): void {
  if (folder === '.' || readdirSync(join(path, folder)).length > 0) return
  rmdirSync(join(path, folder))
  removeEmptyFolders(path, dirname(folder))
}

function describeUpdate({ server, shown, manifest }: VendoredFolder, kit: Kit, plan: UpdatePlan): string[] {
  const { copies, removals, patchesToReview, unlisted } = plan
  const isUnchanged = copies.length === 0 && removals.length === 0 && manifest.version === kit.version
  const did = `${countOf(copies.length, 'file')} copied, ${removals.length} removed`
  return [
    isUnchanged
      ? `${server}: is up to date (version ${kit.version}, ${manifest.variant})`
      : `${server}: ${did} (version ${kit.version}, ${manifest.variant})`,
    ...patchesToReview.map(
      place => `${shown}/${place}: is patched and was kept; the kit's file changed, see pnpm vendor --diff ${server}`,
    ),
    ...unlisted.map(
      place => `${shown}/${place}: is not a copy of the kit's and was left as it is; pnpm vendor --check reports it`,
    ),
  ]
}
