import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { relative, resolve } from 'node:path'
import { type Command, parseCommand, UsageError } from './command-line.ts'
import { explain } from './explain.ts'
import type { Finding } from './finding.ts'
import { HELP, NAME, VERSION } from './help.ts'
import { LockError } from './lock/lock.ts'
import { plain } from './plain-text.ts'
import { differenceOf } from './report/difference.ts'
import { render } from './report/index.ts'
import type { Report } from './report/report.ts'
import { fails, hasFailed, type Running, runExamination, runLocking, runVerification } from './run.ts'
import { type Settings, settle } from './settings.ts'
import { UnexaminableError } from './visit.ts'
import { changesOf, type Watched } from './watch.ts'

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
    const code = await perform(parseCommand(words))
    return signalled ?? code
  } catch (error) {
    if (signalled !== undefined) return signalled
    if (error instanceof UsageError || error instanceof LockError) {
      say(`${lines(error.message)}\n${NAME} --help lists all there is.`)
      return MISUSED
    }
    const what = error instanceof UnexaminableError ? 'the server could not be examined' : 'an internal fault'
    say(`${what}: ${lines((error as Error).message)}`)
    return UNEXAMINABLE
  }
}

async function perform(command: Command): Promise<number> {
  if (command.does === 'help') return await print(HELP)
  if (command.does === 'version') return await print(`${VERSION}\n`)
  if (command.does === 'explain') return await print(explain(command.code))
  const settings = settle(command.does, command)
  const running: Running = {
    signal: stop.signal,
    onProgress: settings.quiet ? () => {} : text => say(text),
  }
  if (command.does === 'lock')
    return await print(await runLocking(settings, running, new Date().toISOString().slice(0, 10)))
  const { locked } = settings
  const run = (): Promise<Report> =>
    command.does === 'verify' && locked ? runVerification(settings, locked, running) : runExamination(settings, running)
  if (settings.watch) return await keepRunning(settings, run)
  const report = await run()
  if (!stop.signal.aborted) await show(settings, report)
  return hasFailed(settings, report) ? FAILED : FINE
}

/** Again and again, until somebody ends it. */
async function keepRunning(settings: Settings, run: () => Promise<Report>): Promise<number> {
  const watched = watchedBy(settings)
  const { isTTY } = process.stdout
  let before: Report | undefined
  const once = async (): Promise<void> => {
    try {
      const report = await run()
      if (stop.signal.aborted) return
      if (isTTY && !settings.output) await print('\u001b[2J\u001b[3J\u001b[H')
      const isFirst = before === undefined
      if (isFirst || isTTY || settings.output) await show(settings, report)
      const difference = before ? differenceOf(before, report) : []
      if (!isFirst) await print(`${['since the last time:', ...difference.map(line => `  ${line}`)].join('\n')}\n`)
      before = report
    } catch (error) {
      if (!(error instanceof UnexaminableError) || stop.signal.aborted) throw error
      say(`the server could not be examined: ${lines(error.message)}`)
    }
  }
  const changes = changesOf(watched, stop.signal)
  // What changes while it runs counts: looking for changes begins first.
  const next = changes.next()
  await once()
  for (let change = await next; !change.done; change = await changes.next()) await once()
  return FINE
}

function watchedBy({ source, output, lockFile, target }: Settings): Watched {
  const except = [lockFile, ...(output === undefined ? [] : [output, `${output}.tmp`])]
  if (source !== undefined) return { path: resolve(source), isFolder: statSync(source).isDirectory(), except }
  const script = target.kind === 'stdio' ? scriptOf(target.program, target.args) : undefined
  if (script === undefined) throw new UsageError('--watch: what should be watched? --source DIR')
  return { path: resolve(script), isFolder: false, except }
}

/** The file behind a command: `node dist/main.js`. */
function scriptOf(program: string, args: readonly string[]): string | undefined {
  return [...args, program].find(word => /\.\w+$/.test(word) && existsSync(word) && statSync(word).isFile())
}

async function show(settings: Settings, report: Report): Promise<void> {
  const { output, format } = settings
  const text = render(report, {
    format,
    version: VERSION,
    colours: output === undefined && process.stdout.isTTY === true && !process.env.NO_COLOR,
    width: Math.max(40, Math.min(120, process.stdout.columns ?? 100)),
    fails: finding => fails(settings, finding),
    fileOf: finding => fileOf(settings, finding),
  })
  if (output === undefined) await print(text)
  else {
    try {
      writeFileSync(`${output}.tmp`, text)
      renameSync(`${output}.tmp`, output)
    } catch (error) {
      throw new UsageError(`--output: ${output} cannot be written: ${(error as NodeJS.ErrnoException).code}`)
    }
    if (!settings.quiet) say(`written to ${output}`)
  }
}

/** Where somebody would begin to change something. */
function fileOf({ lockFile, locked, manifestFile, target }: Settings, { code }: Finding): string | undefined {
  const script = target.kind === 'stdio' ? scriptOf(target.program, target.args) : undefined
  const lock = locked ? lockFile : undefined
  const file = code.startsWith('LOCK_') ? lock : (manifestFile ?? script ?? lock)
  return file === undefined || relative('', file).startsWith('..') ? file && resolve(file) : relative('', file)
}

/** Resolves when it is on its way: ending earlier would cut it. */
function print(text: string): Promise<number> {
  return new Promise(done => process.stdout.write(text, () => done(FINE)))
}

function say(text: string): void {
  process.stderr.write(`${NAME}: ${text}\n`)
}

/** Each line of it harmless to show. */
function lines(text: string): string {
  return text
    .split('\n')
    .map(line => (line.startsWith('  ') ? `  ${plain(line, 400)}` : plain(line, 400)))
    .join('\n')
}
