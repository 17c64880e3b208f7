import { createHash } from 'node:crypto'
import { constants, existsSync, lstatSync, openSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { isDraftName } from './draft-name.ts'
import { DraftsRootError, NotADraftError } from './errors.ts'
import { readOnce } from './read-once.ts'

/** One draft as it was at one moment: the bytes that were checked are the bytes to publish. */
export interface Draft {
  /** The name in NFC, however the folder spells it. */
  readonly filename: string
  readonly bytes: Buffer
  /** Of `bytes`, lower-case hex. */
  readonly sha256: string
  readonly modifiedAt: Date
}

export interface DraftsFolder {
  /** Reads one draft. @throws {NotADraftError} */
  read(filename: string): Draft
  /**
   * Describes the newest drafts, newest first.
   *
   * @param limit how many at most
   * @param describe called with each; the draft's bytes are not kept. Undefined leaves it out
   * @returns what `describe` made of them, and how many entries ending in `.md` are not among them
   */
  list<T>(limit: number, describe: (draft: Draft) => T | undefined): Promise<{ entries: T[]; omitted: number }>
}

/** 1 MiB. */
const DEFAULT_MAX_BYTES = 1024 * 1024

/**
 * Opens a flat folder of drafts. The root is resolved once, here.
 *
 * @param root an absolute path
 * @param options.maxBytes the largest draft; 1 MiB unless told
 * @throws {DraftsRootError} if it is missing, relative, not a folder, or writable by everybody
 */
export function openDraftsFolder(root: string, options: { maxBytes?: number } = {}): DraftsFolder {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
  const resolved = resolveRoot(root)
  const identity = lstatSync(resolved, { bigint: true })
  const held = hold(resolved)

  const entries = (): string[] => {
    try {
      const now = lstatSync(resolved, { bigint: true })
      // The folder that was approved at start-up, not one that was put in its place.
      if (now.dev !== identity.dev || now.ino !== identity.ino) throw new NotADraftError('missing')
      return readdirSync(held)
    } catch (error) {
      throw error instanceof NotADraftError ? error : new NotADraftError('missing')
    }
  }

  const readEntry = (entry: string): Draft => {
    const filename = entry.normalize('NFC')
    const { bytes, modifiedAt } = readOnce(join(held, entry), filename, maxBytes)
    return { filename, bytes, sha256: createHash('sha256').update(bytes).digest('hex'), modifiedAt }
  }

  return {
    read(filename) {
      if (!isDraftName(filename)) throw new NotADraftError('bad-name')
      const wanted = filename.normalize('NFC')
      const [entry, ...others] = entries().filter(name => name.normalize('NFC') === wanted)
      if (entry === undefined) throw new NotADraftError('missing', wanted)
      if (others.length > 0) throw new NotADraftError('ambiguous', wanted)
      return readEntry(entry)
    },

    async list<T>(limit: number, describe: (draft: Draft) => T | undefined) {
      const markdown = entries().filter(name => name.endsWith('.md'))
      const spellings = new Map<string, number>()
      for (const name of markdown) {
        const nfc = name.normalize('NFC')
        spellings.set(nfc, (spellings.get(nfc) ?? 0) + 1)
      }
      const candidates = markdown
        .filter(name => isDraftName(name) && spellings.get(name.normalize('NFC')) === 1)
        .map(name => ({ name, modified: modifiedAt(join(held, name)) }))
        .sort((a, b) => b.modified - a.modified || (a.name < b.name ? -1 : 1))
      const described: T[] = []
      for (const { name } of candidates) {
        if (described.length === limit) break
        try {
          const description = describe(readEntry(name))
          if (description !== undefined) described.push(description)
        } catch (error) {
          // What cannot be published is not offered; it is counted.
          if (!(error instanceof NotADraftError)) throw error
        }
        // A folder of large drafts must not hold up the calls that wait beside this one.
        await setImmediate()
      }
      return { entries: described, omitted: markdown.length - described.length }
    },
  }
}

/**
 * A path to the folder by a handle that is held open: whatever is put in its place later, this leads to the same one.
 * Only Linux has it; elsewhere the folder's own path must do.
 */
function hold(resolved: string): string {
  if (process.platform !== 'linux') return resolved
  const held = `/proc/self/fd/${openSync(resolved, constants.O_RDONLY | constants.O_DIRECTORY)}`
  return existsSync(held) ? held : resolved
}

/** Zero for a file that is gone meanwhile: reading it will tell. */
function modifiedAt(path: string): number {
  try {
    return lstatSync(path).mtimeMs
  } catch {
    return 0
  }
}

function resolveRoot(root: string): string {
  if (!isAbsolute(root)) throw new DraftsRootError(`the drafts folder must be an absolute path: ${root}`)
  let resolved: string
  try {
    resolved = realpathSync(root)
  } catch {
    throw new DraftsRootError(`the drafts folder does not exist: ${root}`)
  }
  const stats = statSync(resolved)
  if (!stats.isDirectory()) throw new DraftsRootError(`the drafts folder is not a folder: ${root}`)
  // Windows reports every folder as writable by everybody: there the folder's access list is the operator's to check.
  if (process.platform !== 'win32' && (stats.mode & 0o002) !== 0)
    throw new DraftsRootError(`the drafts folder is writable by everybody: ${root}`)
  try {
    readdirSync(resolved)
  } catch {
    throw new DraftsRootError(`the drafts folder cannot be read: ${root}`)
  }
  return resolved
}
