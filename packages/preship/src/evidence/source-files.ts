import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { readSource, type SourceText } from './source-text.ts'

export interface SourceFile extends SourceText {
  /** Below the folder that was given. */
  readonly name: string
}

const MAX_FILES = 5_000
const MAX_BYTES = 1024 * 1024
const LEFT_OUT = new Set(
  'node_modules dist build out coverage vendor .git .venv venv __pycache__ test tests __tests__ fixtures examples'.split(
    ' ',
  ),
)

/** The code of a server, without tests and without what was built or installed. Follows no links. */
export function sourceFiles(folder: string): { files: SourceFile[]; packages: { name: string; text: string }[] } {
  const files: SourceFile[] = []
  const packages: { name: string; text: string }[] = []
  const visit = (directory: string, depth: number): void => {
    for (const entry of entriesOf(directory)) {
      const path = join(directory, entry.name)
      if (files.length >= MAX_FILES || depth > 20) return
      if (entry.isDirectory() && !LEFT_OUT.has(entry.name) && !entry.name.startsWith('.')) visit(path, depth + 1)
      if (!entry.isFile() || lstatSync(path).size > MAX_BYTES) continue
      const name = relative(folder, path)
      if (['package.json', 'requirements.txt', 'pyproject.toml'].includes(entry.name))
        packages.push({ name, text: readFileSync(path, 'utf8') })
      const language = /\.(?:[cm]?[jt]sx?)$/.test(entry.name) ? 'js' : entry.name.endsWith('.py') ? 'py' : undefined
      if (language === undefined || /\.(?:test|spec|d)\.[cm]?[jt]sx?$|^test_|\.config\.[cm]?[jt]s$/.test(entry.name))
        continue
      files.push({ name, ...readSource(readFileSync(path, 'utf8'), language) })
    }
  }
  visit(folder, 0)
  return { files, packages }
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch {
    return []
  }
}
