import { createHash } from 'node:crypto'
import { constants, existsSync, lstatSync, openSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { isDraftName } from './draft-name.ts'
import { DraftsRootError, NotADraftError } from './errors.ts'
import { readOnce } from './read-once.ts'

/** A draft as it was when it was read. Publish these bytes: they are the ones that were checked. */
export interface Draft {
  /** The name in NFC. The folder may spell it differently. */
  readonly filename: string
  readonly bytes: Buffer
  /** Of `bytes`, in lower-case hex. */
  readonly sha256: string
  readonly modifiedAt: Date
}

export interface DraftsFolder {
  /** Reads one draft. @throws {NotADraftError} */
  read(filename: string): Draft
  /**
   * Describes drafts, the most recently modified first.
   *
   * @param limit the largest number of drafts
   * @param describe called for each draft; a draft for which it returns undefined is left out
   * @returns the descriptions, and the number of `.md` entries that are not described
   */
  list<T>(limit: number, describe: (draft: Draft) => T | undefined): Promise<{ entries: T[]; omitted: number }>
}

const DEFAULT_MAX_BYTES = 1024 * 1024

/**
 * Opens a folder of drafts, without its subfolders. Links in its path are resolved once, here.
 *
 * @param root an absolute path
 * @param options.maxBytes the size of the largest draft; 1 MiB by default
 * @throws {DraftsRootError} if the folder is missing, unreadable or writable by everybody, or the path is not absolute
 */
export function openDraftsFolder(root: string, options: { maxBytes?: number } = {}): DraftsFolder {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
  const resolved = resolveRoot(root)
  const identity = lstatSync(resolved, { bigint: true })
  const held = hold(resolved)

  const entries = (): string[] => {
    try {
      const now = lstatSync(resolved, { bigint: true })
      // This must be the folder that was opened, not another one in its place.
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
          // It cannot be published, so it is counted as omitted.
          if (!(error instanceof NotADraftError)) throw error
        }
        // Reading many large drafts must not block other calls.
        await setImmediate()
      }
      return { entries: described, omitted: markdown.length - described.length }
    },
  }
}

/**
 * On Linux, a path to the folder through an open handle. It leads to the same folder even if another one is put in its
 * place. On other systems, the path itself.
 */
function hold(resolved: string): string {
  if (process.platform !== 'linux') return resolved
  const held = `/proc/self/fd/${openSync(resolved, constants.O_RDONLY | constants.O_DIRECTORY)}`
  return existsSync(held) ? held : resolved
}

/** Zero if the file is gone by now. Reading it reports that. */
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
  // Windows reports every folder as writable by everybody. There, the operator has to check the access list.
  if (process.platform !== 'win32' && (stats.mode & 0o002) !== 0)
    throw new DraftsRootError(`the drafts folder is writable by everybody: ${root}`)
  try {
    readdirSync(resolved)
  } catch {
    throw new DraftsRootError(`the drafts folder cannot be read: ${root}`)
  }
  return resolved
}
