import { constants } from 'node:os'
import { parseCommand, UsageError } from './command-line.ts'
import { UnexaminableError } from './connections.ts'
import { explain } from './explain.ts'
import { HELP, NAME, VERSION } from './help.ts'
import { LockError } from './lock/lock.ts'
import { logToStderr, print, showReport } from './output.ts'
import type { Report } from './report/report.ts'
import { hasFailed, type Running, runExamination, runLocking, runVerification } from './run.ts'
import { resolveSettings } from './settings.ts'
import { runWatchMode } from './watch-mode.ts'

const PASSED = 0
const FAILED = 1
const USAGE_ERROR = 2
const NOT_EXAMINED = 3

const stop = new AbortController()
let signalled: number | undefined

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => {
    // A second signal exits at once. The exit handler still ends the processes that were started.
    if (signalled !== undefined) process.exit(signalled)
    signalled = 128 + constants.signals[name]
    stop.abort()
  })
// The reader closed the pipe, for example `preship … | head`.
process.stdout.on('error', () => process.exit(signalled ?? PASSED))

process.exit(await outcomeOf(process.argv.slice(2)))

async function outcomeOf(words: readonly string[]): Promise<number> {
  try {
    const code = await perform(words)
    return signalled ?? code
  } catch (error) {
    if (signalled !== undefined) return signalled
    if (error instanceof UsageError || error instanceof LockError) {
      logToStderr(`${error.message}\nRun ${NAME} --help for a list of commands and options.`)
      return USAGE_ERROR
    }
    const what = error instanceof UnexaminableError ? 'the server could not be examined' : 'internal error'
    logToStderr(`${what}: ${(error as Error).message}`)
    return NOT_EXAMINED
  }
}

async function perform(words: readonly string[]): Promise<number> {
  const command = parseCommand(words)
  if (command.does === 'help') return await print(HELP)
  if (command.does === 'version') return await print(`${VERSION}\n`)
  if (command.does === 'explain') return await print(explain(command.code))
  const settings = resolveSettings(command.does, command)
  const running: Running = { signal: stop.signal, onProgress: settings.quiet ? () => {} : logToStderr }
  if (command.does === 'lock') {
    const today = new Date().toISOString().slice(0, 10)
    return await print(await runLocking(settings, running, today))
  }
  const { locked } = settings
  const run = (): Promise<Report> =>
    command.does === 'verify' && locked ? runVerification(settings, locked, running) : runExamination(settings, running)
  if (settings.watch) {
    await runWatchMode(settings, stop.signal, run)
    return PASSED
  }
  const report = await run()
  if (!stop.signal.aborted) await showReport(settings, report)
  return hasFailed(settings, report) ? FAILED : PASSED
}
