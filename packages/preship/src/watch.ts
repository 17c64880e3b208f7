import { watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Editors and builds write several files in a row. */
const SETTLED_MS = 300
const IGNORED = /(?:^|[/\\])(?:node_modules|\.git)(?:[/\\]|$)|\.tmp$/

export interface Watched {
  /** A folder including its subfolders, or one file. */
  readonly path: string
  readonly isFolder: boolean
  /** Files that preship itself writes. */
  readonly except: readonly string[]
}

/** Yields after each change, once no further change follows for a moment. Ends when the signal is aborted. */
export async function* changesOf({ path, isFolder, except }: Watched, signal: AbortSignal): AsyncGenerator<void> {
  const folder = isFolder ? path : dirname(path)
  const ignored = new Set(except.map(file => resolve(file)))
  let latest = 0
  let wake = (): void => {}
  const watcher = watch(folder, { recursive: isFolder, signal }, (_, name) => {
    if (name === null || IGNORED.test(name) || ignored.has(resolve(folder, name))) return
    if (!isFolder && name !== basename(path)) return
    latest = performance.now()
    wake()
  })
  // A watched file can disappear. The next change is still reported.
  watcher.on('error', () => {})
  try {
    while (!signal.aborted) {
      if (latest === 0)
        await new Promise<void>(done => {
          wake = done
          signal.addEventListener('abort', () => done(), { once: true })
        })
      while (!signal.aborted && performance.now() - latest < SETTLED_MS)
        await delay(SETTLED_MS - (performance.now() - latest) + 1, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      latest = 0
      yield
    }
  } finally {
    watcher.close()
  }
}
