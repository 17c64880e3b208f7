import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeBehind, serversBehind } from './behind.ts'
import { checkServers } from './check.ts'
import { diffOfUpdate } from './diff.ts'
import { KitError } from './kit.ts'
import { UnknownServerError } from './servers.ts'
import { updateServers } from './update.ts'
import { VendoredFolderError } from './vendored-folder.ts'

const HELP = `Copies the shared source into servers/<server>/src/vendored/ and checks the copies.

  pnpm vendor [server…]           updates the servers, or all of them if none is named
  pnpm vendor --force server…     also overwrites files that were changed by hand and are not patched
  pnpm vendor --check [server…]   checks that every file is as vendored.json says, or is explained there
  pnpm vendor --diff server       shows what an update would change
  pnpm vendor --help              shows this text

vendored.json has two keys that a server's team edits: "variant" (full or reader) and "patched", which names each file
that differs from the kit on purpose and says why. An update keeps the patched files.

What to do about a file that --check reports:
  changed      put the change into the kit, or explain it under "patched", or overwrite it with --force
  missing      an update restores it
  not listed   move it out of vendored/

Exit code: 0 if all is well, 1 if a check finds a problem or an update stops, 2 if the command line is wrong.
`

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** The command line makes no sense; the message says why. */
class UsageError extends Error {
  override name = 'UsageError'
}

function run(args: string[]): number {
  const { values, positionals: servers } = parse(args)
  if (values.help) return print(HELP)
  if ([values.check, values.diff, values.force].filter(Boolean).length > 1)
    throw new UsageError('--check, --diff and --force cannot be combined')
  if (values.check) return check(servers)
  // A change by hand may be somebody's work: no one overwrites it at a server that they did not name.
  if (values.force && servers.length === 0) throw new UsageError('--force takes the names of the servers')
  if (!values.diff) return update(servers, values.force)
  const [server] = servers
  if (server === undefined || servers.length > 1) throw new UsageError('--diff takes one server')
  return print(diffOfUpdate(ROOT, server))
}

function parse(args: string[]) {
  const flag = { type: 'boolean', default: false } as const
  const help = { ...flag, short: 'h' }
  try {
    return parseArgs({ args, options: { check: flag, diff: flag, force: flag, help }, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function update(servers: readonly string[], force: boolean): number {
  const { done, stopped } = updateServers(ROOT, servers, { force })
  for (const line of done) print(`${line}\n`)
  for (const message of stopped) complain(message)
  return stopped.length === 0 ? 0 : 1
}

function check(servers: readonly string[]): number {
  const checks = checkServers(ROOT, servers)
  for (const { problems, notes } of checks) {
    for (const problem of problems) complain(problem)
    for (const note of notes) print(`${note}\n`)
  }
  for (const behind of serversBehind(ROOT, servers)) print(`${describeBehind(behind)}\n`)
  if (checks.every(({ problems }) => problems.length === 0)) return 0
  complain('pnpm vendor --help says what to do about each')
  return 1
}

function print(text: string): 0 {
  process.stdout.write(text)
  return 0
}

function complain(message: string): void {
  process.stderr.write(`${message}\n`)
}

try {
  process.exitCode = run(process.argv.slice(2))
} catch (error) {
  const isUsage = error instanceof UsageError || error instanceof UnknownServerError
  if (!isUsage && !(error instanceof KitError) && !(error instanceof VendoredFolderError)) throw error
  complain(error.message)
  if (isUsage) complain(`\n${HELP}`)
  process.exitCode = isUsage ? 2 : 1
}
