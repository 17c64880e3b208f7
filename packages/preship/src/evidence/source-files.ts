import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { readSource, type SourceText } from './source-text.ts'

export interface SourceFile extends SourceText {
  /** Below the folder that was given. */
  readonly name: string
}

const MAX_FILES = 5_000
const MAX_DEPTH = 20
const MAX_BYTES = 1024 * 1024
const INSTALLED = new Set(['node_modules', 'venv', '__pycache__'])
const LEFT_OUT = new Set('dist build out coverage vendor test tests __tests__ fixtures examples'.split(' '))

export interface SourceFiles {
  readonly files: readonly SourceFile[]
  readonly packages: readonly { readonly name: string; readonly text: string }[]
  /** Folders that hold no code of the server's by their names; what is installed is not named. */
  readonly leftOut: readonly string[]
  /** What would have been looked at and was not, and why. */
  readonly unread: readonly string[]
}

/** The code of a server, without tests and without what was built or installed. Follows no links. */
export function sourceFiles(folder: string): SourceFiles {
  const files: SourceFile[] = []
  const packages: { name: string; text: string }[] = []
  const leftOut: string[] = []
  const unread: string[] = []
  const visit = (directory: string, depth: number): void => {
    const name = relative(folder, directory) || '.'
    if (depth > MAX_DEPTH) return void unread.push(`${name}: more than ${MAX_DEPTH} folders deep`)
    const entries = entriesOf(directory)
    if (!entries) return void (depth > 0 && unread.push(`${name}: it cannot be listed`))
    for (const entry of entries) {
      const path = join(directory, entry.name)
      if (entry.isDirectory() && !INSTALLED.has(entry.name) && !entry.name.startsWith('.')) {
        if (LEFT_OUT.has(entry.name)) leftOut.push(relative(folder, path))
        else visit(path, depth + 1)
      }
      const kind = entry.isFile() ? kindOf(entry.name) : undefined
      if (kind !== undefined) read(path, kind)
    }
  }
  const read = (path: string, kind: 'js' | 'py' | 'package'): void => {
    const name = relative(folder, path)
    if (files.length >= MAX_FILES) return void unread.push(`${name}: after ${MAX_FILES} other files`)
    const text = textOf(path)
    if (typeof text !== 'string') unread.push(`${name}: ${text.why}`)
    else if (kind === 'package') packages.push({ name, text })
    else files.push({ name, ...readSource(text, kind) })
  }
  visit(folder, 0)
  return { files, packages, leftOut, unread }
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
    return { why: 'it cannot be read' }
  }
}

function entriesOf(directory: string): Dirent[] | undefined {
  try {
    return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch {
    return undefined
  }
}
