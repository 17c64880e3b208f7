import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listFolder } from './folder-listing.ts'
import { DEFAULT_VARIANT } from './kit.ts'
import { MANIFEST, type Manifest, ManifestError, parseManifest } from './manifest.ts'
import { sha256 } from './sha256.ts'

/** A server's `src/vendored/` folder as it is now. */
export interface VendoredFolder {
  readonly server: string
  /** Absolute. */
  readonly path: string
  /** Relative to the repository, for messages. */
  readonly shown: string
  /** The default one if the file is missing. */
  readonly manifest: Manifest
  /** The text of `vendored.json`; undefined if the file is missing. */
  readonly manifestText: string | undefined
  /** Place → SHA-256. Without `vendored.json`. */
  readonly files: ReadonlyMap<string, string>
  /** The sub-folders at every depth. */
  readonly folders: ReadonlySet<string>
}

/** A server's folder cannot be judged: it has symbolic links or its manifest is not valid. One line for each fault. */
export class VendoredFolderError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'VendoredFolderError'
    this.faults = faults
  }
}

const NOT_VENDORED: Manifest = { version: undefined, variant: DEFAULT_VARIANT, files: new Map(), patched: new Map() }

/**
 * Reads a server's folder. A folder that does not exist yet is an empty one.
 *
 * @param root the repository
 * @throws {VendoredFolderError}
 */
export function readVendoredFolder(root: string, server: string): VendoredFolder {
  const shown = `servers/${server}/src/vendored`
  const path = join(root, shown)
  const listing = listFolder(path)
  const faults = [
    // A link above the files would take every write somewhere else.
    ...[`servers/${server}/src`, shown].filter(folder => isNotFolder(join(root, folder))),
    ...listing.notRegular.map(place => `${shown}/${place}`),
  ].map(wrong => `${wrong}: must be a regular file or folder, not a link or anything else`)
  let manifest = NOT_VENDORED
  let manifestText: string | undefined
  try {
    if (listing.files.includes(MANIFEST)) {
      manifestText = readFileSync(join(path, MANIFEST), 'utf8')
      manifest = parseManifest(manifestText)
    }
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error
    faults.push(...error.faults.map(fault => `${shown}/${MANIFEST}: ${fault}`))
  }
  if (faults.length > 0) throw new VendoredFolderError(faults)
  const places = listing.files.filter(place => place !== MANIFEST)
  const files = new Map(places.map(place => [place, sha256(readFileSync(join(path, place)))]))
  return { server, path, shown, manifest, manifestText, files, folders: new Set(listing.folders) }
}

function isNotFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false
}
