import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from './command-line.ts'
import { besides, print, say, show } from './output.ts'
import { differenceOf } from './report/difference.ts'
import type { Report } from './report/report.ts'
import { type Settings, scriptOf } from './settings.ts'
import { UnexaminableError } from './visit.ts'
import { changesOf, type Watched } from './watch.ts'

const CLEAR = '\u001b[2J\u001b[3J\u001b[H'

/** Examines a server again whenever its source changes, until somebody ends it, and tells what is different. */
export async function keepRunning(settings: Settings, signal: AbortSignal, run: () => Promise<Report>): Promise<void> {
  // Looking for changes begins first: what changes while it runs counts.
  const changes = changesOf(watchedBy(settings), signal)
  let change = changes.next()
  let before: Report | undefined
  do {
    try {
      const report = await run()
      if (!signal.aborted) await tell(settings, report, before)
      before = report
    } catch (error) {
      if (!(error instanceof UnexaminableError) || signal.aborted) throw error
      say(`the server could not be examined: ${error.message}`)
    }
    const { done } = await change
    change = changes.next()
    if (done) return
  } while (!signal.aborted)
}

/** The whole report where it takes the place of the last one; where text follows upon text, the first time only. */
async function tell(settings: Settings, report: Report, before: Report | undefined): Promise<void> {
  const isScreen = process.stdout.isTTY === true && settings.output === undefined
  if (isScreen) await print(CLEAR)
  if (!before || isScreen || settings.output !== undefined) await show(settings, report)
  if (!before) return
  const difference = differenceOf(before, report)
  await print(`${['since the last time:', ...(difference.length > 0 ? difference : ['nothing'])].join('\n  ')}\n`)
}

function watchedBy({ source, output, lockFile, target }: Settings): Watched {
  const except = [lockFile, ...(output === undefined ? [] : [output, besides(output)])]
  const path = source ?? scriptOf(target)
  if (path === undefined) throw new UsageError('--watch: what should be watched? --source DIR')
  return { path: resolve(path), isFolder: statSync(path).isDirectory(), except }
}
