import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { readSource, type SourceText } from './source-text.ts'

export interface SourceFile extends SourceText {
  /** The path relative to the given folder. */
  readonly name: string
}

const MAX_FILES = 5_000
const MAX_DEPTH = 20
const MAX_BYTES = 1024 * 1024
const INSTALLED = new Set(['node_modules', 'venv', '__pycache__'])
const SKIPPED_FOLDERS = new Set('dist build out coverage vendor test tests __tests__ fixtures examples'.split(' '))

export interface SourceFiles {
  readonly files: readonly SourceFile[]
  readonly packages: readonly { readonly name: string; readonly text: string }[]
  /**
   * Folders that were skipped because their names say that they contain no code of the server. Installed packages are
   * not listed.
   */
  readonly skipped: readonly string[]
  /** Files and folders that could not be examined, and why. */
  readonly unread: readonly string[]
}

/** Reads the source code of a server, without tests, build output and installed packages. Does not follow links. */
export function sourceFiles(folder: string): SourceFiles {
  const files: SourceFile[] = []
  const packages: { name: string; text: string }[] = []
  const skipped: string[] = []
  const unread: string[] = []
  const visit = (directory: string, depth: number): void => {
    const name = relative(folder, directory) || '.'
    if (depth > MAX_DEPTH) return void unread.push(`${name}: more than ${MAX_DEPTH} folders deep`)
    const entries = entriesOf(directory)
    if (!entries) return void (depth > 0 && unread.push(`${name}: the folder cannot be read`))
    for (const entry of entries) {
      const path = join(directory, entry.name)
      if (entry.isDirectory() && !INSTALLED.has(entry.name) && !entry.name.startsWith('.')) {
        if (SKIPPED_FOLDERS.has(entry.name)) skipped.push(relative(folder, path))
        else visit(path, depth + 1)
      }
      const kind = entry.isFile() ? kindOf(entry.name) : undefined
      if (kind !== undefined) read(path, kind)
    }
  }
  const read = (path: string, kind: 'js' | 'py' | 'package'): void => {
    const name = relative(folder, path)
    if (files.length >= MAX_FILES) return void unread.push(`${name}: more than ${MAX_FILES} files`)
    const text = textOf(path)
    if (typeof text !== 'string') unread.push(`${name}: ${text.why}`)
    else if (kind === 'package') packages.push({ name, text })
    else files.push({ name, ...readSource(text, kind) })
  }
  visit(folder, 0)
  return { files, packages, skipped, unread }
}

function kindOf(name: string): 'js' | 'py' | 'package' | undefined {
  if (['package.json', 'requirements.txt', 'pyproject.toml'].includes(name)) return 'package'
  if (/\.(?:test|spec|d)\.[cm]?[jt]sx?$|^test_|\.config\.[cm]?[jt]s$/.test(name)) return undefined
  if (name.endsWith('.py')) return 'py'
  return /\.(?:[cm]?[jt]sx?)$/.test(name) ? 'js' : undefined
}

function textOf(path: string): string | { readonly why: string } {
  try {
    const { size } = lstatSync(path)
    if (size > MAX_BYTES) return { why: `larger than ${MAX_BYTES / 1024 / 1024} MB` }
    return readFileSync(path, 'utf8')
  } catch {
    return { why: 'the file cannot be read' }
  }
}

function entriesOf(directory: string): Dirent[] | undefined {
  try {
    return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch {
    return undefined
  }
}
