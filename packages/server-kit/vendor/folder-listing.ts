import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What is below a folder, at every depth. Paths are relative to the folder, with `/` on every system, and sorted. */
export interface FolderListing {
  readonly files: readonly string[]
  readonly folders: readonly string[]
  /** Symbolic links, which are not followed, and whatever else is neither a file nor a folder. */
  readonly notRegular: readonly string[]
}

/** Lists a folder. Nothing is below a folder that does not exist, or that is a file or a symbolic link. */
export function listFolder(folder: string): FolderListing {
  const listing = { files: [] as string[], folders: [] as string[], notRegular: [] as string[] }
  const visit = (parent: string): void => {
    for (const entry of readdirSync(join(folder, parent), { withFileTypes: true })) {
      const path = parent === '' ? entry.name : `${parent}/${entry.name}`
      listing[kindOf(entry)].push(path)
      if (entry.isDirectory()) visit(path)
    }
  }
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) visit('')
  return { files: listing.files.sort(), folders: listing.folders.sort(), notRegular: listing.notRegular.sort() }
}

function kindOf(entry: Dirent): keyof FolderListing {
  return entry.isFile() ? 'files' : entry.isDirectory() ? 'folders' : 'notRegular'
}
