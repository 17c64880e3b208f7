import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** What is in the file; undefined when there is none. */
export function readPrivate(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message would quote the content, which is secret.
    throw new Error(`${file} is damaged: remove it to begin anew`)
  }
}

/** Replaces the file at once, so that a crash leaves the old or the new one; only its owner can read it. */
export function writePrivate(file: string, content: unknown): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const fresh = `${file}.${randomBytes(6).toString('hex')}.new`
  try {
    const handle = openSync(fresh, 'wx', 0o600)
    try {
      writeFileSync(handle, JSON.stringify(content))
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(fresh, file)
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
}
