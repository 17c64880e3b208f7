import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from './command-line.ts'
import { UnexaminableError } from './connections.ts'
import { logToStderr, print, showReport, temporaryName } from './output.ts'
import { differenceOf } from './report/difference.ts'
import type { Report } from './report/report.ts'
import { type Settings, scriptOf } from './settings.ts'
import { changesOf, type Watched } from './watch.ts'

const CLEAR = '\u001b[2J\u001b[3J\u001b[H'

/** Examines the server again after each change and prints the difference, until the signal is aborted. */
export async function runWatchMode(settings: Settings, signal: AbortSignal, run: () => Promise<Report>): Promise<void> {
  // Watching starts before the first run, so that changes during the run are not missed.
  const changes = changesOf(watchedBy(settings), signal)
  let change = changes.next()
  let before: Report | undefined
  do {
    try {
      const report = await run()
      if (!signal.aborted) await printResult(settings, report, before)
      before = report
    } catch (error) {
      if (!(error instanceof UnexaminableError) || signal.aborted) throw error
      logToStderr(`the server could not be examined: ${error.message}`)
    }
    const { done } = await change
    change = changes.next()
    if (done) return
  } while (!signal.aborted)
}

/**
 * On a terminal or in a file, each report replaces the previous one. In piped output, only the first report is printed
 * in full.
 */
async function printResult(settings: Settings, report: Report, before: Report | undefined): Promise<void> {
  const isScreen = process.stdout.isTTY === true && settings.output === undefined
  if (isScreen) await print(CLEAR)
  if (!before || isScreen || settings.output !== undefined) await showReport(settings, report)
  if (!before) return
  const difference = differenceOf(before, report)
  await print(`${['changes since the last run:', ...(difference.length > 0 ? difference : ['none'])].join('\n  ')}\n`)
}

function watchedBy({ source, output, lockFile, target }: Settings): Watched {
  const except = [lockFile, ...(output === undefined ? [] : [output, temporaryName(output)])]
  const path = source ?? scriptOf(target)
  if (path === undefined)
    throw new UsageError('--watch needs --source DIR, because the command contains no script file')
  return { path: resolve(path), isFolder: statSync(path).isDirectory(), except }
}
