import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const HELP = `pnpm mutants [list.json]: breaks the code in one place at a time, and runs the unit tests of the file that was broken.
A mutant that no test notices has survived. The default list is scripts/mutants.json. Works on a copy of the packages.

  --only TEXT   only mutants of files whose path contains TEXT
`

/** One change of the source. `find` stands in the file exactly once. */
interface Mutant {
  /** From the root of the repository. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PACKAGES = ['packages/guardrails', 'packages/server-kit'] as const

/** A copy of the packages that mutants may break, with the dependencies of the original. */
function copyPackages(): string {
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
  for (const path of ['package.json', 'tsconfig.base.json', 'scripts', 'node_modules'])
    symlinkSync(join(ROOT, path), join(copy, path))
  for (const path of PACKAGES) {
    cpSync(join(ROOT, path), join(copy, path), {
      recursive: true,
      filter: source => !/[\\/](?:node_modules|\.turbo)$/.test(source),
    })
    symlinkSync(join(ROOT, path, 'node_modules'), join(copy, path, 'node_modules'))
  }
  const setup = JSON.stringify(join(ROOT, 'scripts/verifies.ts'))
  writeFileSync(
    join(copy, 'vitest.config.mjs'),
    `export default { test: { setupFiles: [${setup}], testTimeout: 30_000, bail: 1 } }\n`,
  )
  return copy
}

/** Runs the unit tests of one file of the copy. Resolves to whether they pass. */
function passes(copy: string, file: string): boolean {
  const folder = PACKAGES.find(path => file.startsWith(`${path}/`))
  if (folder === undefined) throw new Error(`${file} is in none of ${PACKAGES.join(', ')}`)
  const filter = file.slice(folder.length + 1).replace(/\.ts$/, '')
  const args = [
    ...[join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--config', join(copy, 'vitest.config.mjs')],
    ...['--root', join(copy, folder), '--reporter', 'dot', filter],
  ]
  return spawnSync(process.execPath, args, { stdio: 'ignore', timeout: 180_000 }).status === 0
}

/** Tries one mutant. @throws if the file does not hold its text exactly once, or the tests fail without it */
function survives(copy: string, { file, find, replace }: Mutant): boolean {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  if (source.split(find).length !== 2) throw new Error(`${file} does not hold this text exactly once: ${find}`)
  writeFileSync(
    path,
    source.replace(find, () => replace),
  )
  try {
    return passes(copy, file)
  } finally {
    writeFileSync(path, source)
  }
}

function run(mutants: readonly Mutant[]): number {
  const copy = copyPackages()
  try {
    for (const file of new Set(mutants.map(mutant => mutant.file)))
      if (!passes(copy, file)) throw new Error(`the tests of ${file} fail without a mutant, or there are none`)
    const survivors = mutants.filter(mutant => {
      const survived = survives(copy, mutant)
      process.stdout.write(`${survived ? 'SURVIVED' : 'killed  '} ${mutant.file}: ${mutant.find} → ${mutant.replace}\n`)
      return survived
    })
    process.stdout.write(`\n${mutants.length - survivors.length} of ${mutants.length} mutants killed\n`)
    return survivors.length === 0 ? 0 : 1
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

const { values, positionals } = parseArgs({
  options: { help: { type: 'boolean', short: 'h' }, only: { type: 'string', default: '' } },
  allowPositionals: true,
})
if (values.help) process.stdout.write(HELP)
else {
  const list = positionals[0] ?? join(ROOT, 'scripts/mutants.json')
  const mutants = JSON.parse(readFileSync(list, 'utf8')) as Mutant[]
  process.exitCode = run(mutants.filter(({ file }) => file.includes(values.only)))
}
