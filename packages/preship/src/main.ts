import { constants } from 'node:os'
import { parseCommand, UsageError } from './command-line.ts'
import { explain } from './explain.ts'
import { HELP, NAME, VERSION } from './help.ts'
import { keepRunning } from './keep-running.ts'
import { LockError } from './lock/lock.ts'
import { print, say, show } from './output.ts'
import type { Report } from './report/report.ts'
import { hasFailed, type Running, runExamination, runLocking, runVerification } from './run.ts'
import { settle } from './settings.ts'
import { UnexaminableError } from './visit.ts'

const FINE = 0
const FAILED = 1
const MISUSED = 2
const UNEXAMINABLE = 3

const stop = new AbortController()
let signalled: number | undefined

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => {
    // The second time, somebody means it: what was started ends with this process in any case.
    if (signalled !== undefined) process.exit(signalled)
    signalled = 128 + constants.signals[name]
    stop.abort()
  })
// Whoever reads the output has read enough.
process.stdout.on('error', () => process.exit(signalled ?? FINE))

process.exit(await outcomeOf(process.argv.slice(2)))

async function outcomeOf(words: readonly string[]): Promise<number> {
  try {
    const code = await perform(words)
    return signalled ?? code
  } catch (error) {
    if (signalled !== undefined) return signalled
    if (error instanceof UsageError || error instanceof LockError) {
      say(`${error.message}\n${NAME} --help lists all there is.`)
      return MISUSED
    }
    const what = error instanceof UnexaminableError ? 'the server could not be examined' : 'an internal fault'
    say(`${what}: ${(error as Error).message}`)
    return UNEXAMINABLE
  }
}

async function perform(words: readonly string[]): Promise<number> {
  const command = parseCommand(words)
  if (command.does === 'help') return await print(HELP)
  if (command.does === 'version') return await print(`${VERSION}\n`)
  if (command.does === 'explain') return await print(explain(command.code))
  const settings = settle(command.does, command)
  const running: Running = { signal: stop.signal, onProgress: settings.quiet ? () => {} : say }
  if (command.does === 'lock') {
    const today = new Date().toISOString().slice(0, 10)
    return await print(await runLocking(settings, running, today))
  }
  const { locked } = settings
  const run = (): Promise<Report> =>
    command.does === 'verify' && locked ? runVerification(settings, locked, running) : runExamination(settings, running)
  if (settings.watch) {
    await keepRunning(settings, stop.signal, run)
    return FINE
  }
  const report = await run()
  if (!stop.signal.aborted) await show(settings, report)
  return hasFailed(settings, report) ? FAILED : FINE
}
