import { renameSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { UsageError } from './command-line.ts'
import type { Finding } from './finding.ts'
import { NAME, VERSION } from './help.ts'
import { plain } from './plain-text.ts'
import { render } from './report/index.ts'
import type { Report } from './report/report.ts'
import { fails } from './run.ts'
import { type Settings, scriptOf } from './settings.ts'

const NARROWEST = 40
const WIDEST = 120
const WIDTH_OF_A_FILE = 100

/** Writes a report to where it should go. @throws {UsageError} if that cannot be written */
export async function show(settings: Settings, report: Report): Promise<void> {
  const { output, format } = settings
  const text = render(report, {
    format,
    version: VERSION,
    colours: output === undefined && process.stdout.isTTY === true && !process.env.NO_COLOR,
    width: Math.max(NARROWEST, Math.min(WIDEST, process.stdout.columns ?? WIDTH_OF_A_FILE)),
    fails: finding => fails(settings, finding),
    fileOf: finding => fileOf(settings, finding),
  })
  if (output === undefined) {
    await print(text)
    return
  }
  try {
    writeFileSync(besides(output), text)
    renameSync(besides(output), output)
  } catch (error) {
    throw new UsageError(`--output: ${output} cannot be written: ${(error as NodeJS.ErrnoException).code}`)
  }
  if (!settings.quiet) say(`written to ${output}`)
}

/** Where a file is written before it takes the place of the one that is there. */
export function besides(file: string): string {
  return `${file}.tmp`
}

/** Resolves to the exit code 0 when it is on its way: ending earlier would cut it. */
export function print(text: string): Promise<0> {
  return new Promise(done => process.stdout.write(text, () => done(0)))
}

/** To whoever runs it, beside the output; each line of it made harmless. */
export function say(text: string): void {
  const lines = text.split('\n').map(line => `${/^ */.exec(line)?.[0] ?? ''}${plain(line, 400)}`)
  process.stderr.write(`${NAME}: ${lines.join('\n')}\n`)
}

/** The file in which somebody would begin to change something: relative where it is below this folder. */
function fileOf({ lockFile, locked, manifestFile, target }: Settings, { code }: Finding): string | undefined {
  const lock = locked ? lockFile : undefined
  const file = code.startsWith('LOCK_') ? lock : (manifestFile ?? scriptOf(target) ?? lock)
  if (file === undefined) return undefined
  const path = relative('', file)
  return path.startsWith('..') ? resolve(file) : path
}
