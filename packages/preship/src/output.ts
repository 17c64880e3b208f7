import { renameSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { UsageError } from './command-line.ts'
import type { Finding } from './finding.ts'
import { NAME, VERSION } from './help.ts'
import { render } from './report/index.ts'
import type { Report } from './report/report.ts'
import { fails } from './run.ts'
import { sanitize } from './sanitize.ts'
import { type Settings, scriptOf } from './settings.ts'

const MIN_WIDTH = 40
const MAX_WIDTH = 120
const DEFAULT_WIDTH = 100

/** Writes the report to --output or to standard output. @throws {UsageError} if the file cannot be written */
export async function showReport(settings: Settings, report: Report): Promise<void> {
  const { output, format } = settings
  const text = render(report, {
    format,
    version: VERSION,
    colours: output === undefined && process.stdout.isTTY === true && !process.env.NO_COLOR,
    width: Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, process.stdout.columns ?? DEFAULT_WIDTH)),
    fails: finding => fails(settings, finding),
    fileOf: finding => fileOf(settings, finding),
  })
  if (output === undefined) {
    await print(text)
    return
  }
  try {
    writeFileSync(temporaryName(output), text)
    renameSync(temporaryName(output), output)
  } catch (error) {
    throw new UsageError(`--output: cannot write ${output}: ${(error as NodeJS.ErrnoException).code}`)
  }
  if (!settings.quiet) logToStderr(`report written to ${output}`)
}

/** The name under which a file is written before it is renamed over the existing one. */
export function temporaryName(file: string): string {
  return `${file}.tmp`
}

/** Resolves to the exit code 0 once the text is written. Exiting earlier would truncate it. */
export function print(text: string): Promise<0> {
  return new Promise(done => process.stdout.write(text, () => done(0)))
}

/** Writes a message to standard error, with every line sanitized. */
export function logToStderr(text: string): void {
  const lines = text.split('\n').map(line => `${/^ */.exec(line)?.[0] ?? ''}${sanitize(line, 400)}`)
  process.stderr.write(`${NAME}: ${lines.join('\n')}\n`)
}

/** The file that a finding is attached to in code scanning. Relative if it is below the current folder. */
function fileOf({ lockFile, locked, manifestFile, target }: Settings, { code }: Finding): string | undefined {
  const lock = locked ? lockFile : undefined
  const file = code.startsWith('LOCK_') ? lock : (manifestFile ?? scriptOf(target) ?? lock)
  if (file === undefined) return undefined
  const path = relative('', file)
  return path.startsWith('..') ? resolve(file) : path
}
