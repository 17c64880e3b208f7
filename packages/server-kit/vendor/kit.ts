import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listFolder } from './folder-listing.ts'
import { sha256 } from './sha256.ts'

/** Folders of the repository → the folder below `src/vendored/` that each is copied to. */
export const KIT_FOLDERS = {
  'packages/guardrails/src': 'guardrails',
  'packages/server-kit/src/call': 'call',
  'packages/server-kit/src/backend': 'backend',
  'packages/server-kit/src/stdio': 'stdio',
  'packages/server-kit/src/remote': 'remote',
  'packages/server-kit/src/setup': 'setup',
} as const

/** Single files of the repository → the place below `src/vendored/` that each is copied to. */
const KIT_FILES = {
  'tsup.base.ts': 'build/tsup.base.ts',
  'tsconfig.base.json': 'build/tsconfig.base.json',
} as const

/** The variants of the kit, each with the names of the folders that it leaves out, at every depth. */
export const VARIANTS = { full: [], reader: ['writes'] } as const satisfies Record<string, readonly string[]>

export type Variant = keyof typeof VARIANTS

/** The variant of a server that has not chosen one. */
export const DEFAULT_VARIANT: Variant = 'full'

/** The file whose `version` is the kit's version. */
const VERSION_FILE = 'packages/server-kit/package.json'

export interface KitFile {
  readonly bytes: Buffer
  /** Of `bytes`, lower-case hex. */
  readonly sha256: string
}

/** The files that servers copy, as they are in the repository now. */
export interface Kit {
  readonly version: string
  /** Keyed by place: the path below `src/vendored/`, with `/` on every system. */
  readonly files: ReadonlyMap<string, KitFile>
}

/** The kit cannot be copied: a source of the table is missing, or is not a regular file, or the version is missing. */
export class KitError extends Error {
  override name = 'KitError'
}

export function isVariant(value: unknown): value is Variant {
  return typeof value === 'string' && Object.hasOwn(VARIANTS, value)
}

/**
 * Reads the whole kit.
 *
 * @param root the repository
 * @throws {KitError}
 */
export function readKit(root: string): Kit {
  const files = new Map<string, KitFile>()
  for (const [source, folder] of Object.entries(KIT_FOLDERS))
    for (const path of listSource(root, source)) files.set(`${folder}/${path}`, readSource(root, `${source}/${path}`))
  for (const [source, place] of Object.entries(KIT_FILES)) files.set(place, readSource(root, source))
  return { version: readVersion(root), files }
}

/** The part of the kit that a variant takes. */
export function kitOf(kit: Kit, variant: Variant): Kit {
  const leftOut: readonly string[] = VARIANTS[variant]
  const isTaken = (place: string): boolean =>
    !place
      .split('/')
      .slice(0, -1)
      .some(folder => leftOut.includes(folder))
  return { version: kit.version, files: new Map([...kit.files].filter(([place]) => isTaken(place))) }
}

/** The files of a source folder that ship: no tests, and no hidden files, which editors and systems leave behind. */
function listSource(root: string, source: string): string[] {
  const { files, notRegular } = listFolder(join(root, source))
  const [first] = notRegular
  if (first !== undefined) throw new KitError(`${source}/${first} is not a regular file`)
  const ships = (path: string): boolean =>
    !path.endsWith('.test.ts') && !path.split('/').some(name => name.startsWith('.'))
  const shipping = files.filter(ships)
  // An empty source is a mistake. To go on would remove its copies from every server.
  if (shipping.length === 0) throw new KitError(`${source} is missing or has no files that ship`)
  return shipping
}

function readSource(root: string, source: string): KitFile {
  try {
    const bytes = readFileSync(join(root, source))
    return { bytes, sha256: sha256(bytes) }
  } catch {
    throw new KitError(`${source} is missing or cannot be read`)
  }
}

function readVersion(root: string): string {
  let content: unknown
  try {
    content = JSON.parse(readSource(root, VERSION_FILE).bytes.toString())
  } catch (error) {
    throw error instanceof KitError ? error : new KitError(`${VERSION_FILE} is not JSON`)
  }
  const version = typeof content === 'object' && content !== null && 'version' in content ? content.version : undefined
  if (typeof version !== 'string' || version === '') throw new KitError(`${VERSION_FILE} has no version`)
  return version
}
