import { isVariant, VARIANTS, type Variant } from './kit.ts'

/** The manifest's file name, below `src/vendored/`. */
export const MANIFEST = 'vendored.json'

/** What a server copied from the kit: the content of its `vendored.json`. Files are keyed by place. */
export interface Manifest {
  /** The kit's version at the last update. Undefined before the first one. */
  readonly version: string | undefined
  /** Chosen by the server's team. */
  readonly variant: Variant
  /** Place → the SHA-256 of the kit's file at the last update, in lower-case hex. */
  readonly files: ReadonlyMap<string, string>
  /** Place → why the server's file differs from the kit's. Written by the server's team. */
  readonly patched: ReadonlyMap<string, string>
}

/** A manifest is not valid. Has one sentence for each fault, none of which names the manifest. */
export class ManifestError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('; '))
    this.name = 'ManifestError'
    this.faults = faults
  }
}

const KEYS = ['version', 'variant', 'files', 'patched']

/** Reads the text of a manifest. @throws {ManifestError} */
export function parseManifest(text: string): Manifest {
  const content = parseObject(text)
  const { version, variant, files = {}, patched = {} } = content
  const faults = Object.keys(content)
    .filter(key => !KEYS.includes(key))
    .map(key => `"${key}" is not a key of a manifest`)
  if (!isVariant(variant)) faults.push(`"variant" must be one of ${Object.keys(VARIANTS).join(', ')}`)
  if (version !== undefined && (typeof version !== 'string' || version === ''))
    faults.push('"version" must be a text that is not empty')
  if ((version === undefined) !== (content.files === undefined))
    faults.push('"version" and "files" must both be present, or both be left out before the first update')
  if (isObject(files)) faults.push(...faultsOfFiles(files))
  else faults.push('"files" must be an object')
  if (isObject(patched)) faults.push(...faultsOfPatched(patched))
  else faults.push('"patched" must be an object')
  if (faults.length > 0) throw new ManifestError(faults)
  return {
    version: version as string | undefined,
    variant: variant as Variant,
    files: new Map(Object.entries(files as Record<string, string>)),
    patched: new Map(Object.entries(patched as Record<string, string>)),
  }
}

/** The text of a manifest: 2-space JSON, places sorted, a line feed at the end. */
export function formatManifest({ version, variant, files, patched }: Manifest): string {
  const content = { version, variant, files: sorted(files), patched: sorted(patched) }
  return `${JSON.stringify(content, undefined, 2)}\n`
}

function parseObject(text: string): Record<string, unknown> {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw new ManifestError(['it is not JSON'])
  }
  if (!isObject(content)) throw new ManifestError(['it must be an object'])
  return content
}

function faultsOfFiles(files: Record<string, unknown>): string[] {
  return Object.entries(files).flatMap(([place, hash]) => {
    // An update removes files that are listed here: a path must not lead out of the folder.
    if (!isPlace(place)) return `"${place}" under "files" is not a path below vendored/`
    const isHash = typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash)
    return isHash ? [] : `"${place}" under "files" has no SHA-256 in lower-case hex`
  })
}

function faultsOfPatched(patched: Record<string, unknown>): string[] {
  return Object.entries(patched)
    .filter(([, reason]) => typeof reason !== 'string' || reason.trim() === '')
    .map(([place]) => `"${place}" under "patched" has no reason`)
}

function isPlace(path: string): boolean {
  const names = path.split('/')
  return path !== MANIFEST && names.every(name => /^[^\\:\0]+$/.test(name) && name !== '.' && name !== '..')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sorted(entries: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}
