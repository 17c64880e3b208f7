import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Kit, kitOf, readKit } from './kit.ts'
import { chooseServers } from './servers.ts'
import { describeObstacles, planUpdate } from './update-plan.ts'
import { readVendoredFolder, type VendoredFolder } from './vendored-folder.ts'

/**
 * What an update would change at a server, as text for a person: a unified diff, from the server's files to the kit's.
 * Files that were changed by hand, which stop an update, are in it as `--force` would overwrite them. Patched files,
 * which an update keeps, have a diff of their own below.
 *
 * @param root the repository
 * @throws {UnknownServerError}
 * @throws {KitError}
 * @throws {VendoredFolderError}
 */
export function diffOfUpdate(root: string, server: string): string {
  chooseServers(root, [server])
  const folder = readVendoredFolder(root, server)
  const { manifest, manifestText, files } = folder
  const kit = kitOf(readKit(root), manifest.variant)
  const { obstacles } = planUpdate(folder, kit, false)
  const forced = planUpdate(folder, kit, true)
  const changes = diff(folder, kit, [...forced.copies, ...forced.removals])
  const patched = [...manifest.patched.keys()].filter(place => kit.files.has(place) && files.has(place))
  const patches = diff(folder, kit, patched)
  const sections: string[] = []
  if (obstacles.length > 0)
    sections.push(`${[`${server}: an update would stop`, ...describeObstacles(folder, obstacles)].join('\n')}\n`)
  if (changes !== '') sections.push(changes)
  else if (forced.manifestText === manifestText) sections.push(`${server}: an update would change nothing\n`)
  else sections.push(`${server}: an update would change nothing but vendored.json\n`)
  if (patches !== '')
    sections.push(`${server}: patched files, which an update keeps, differ from the kit's as follows\n`, patches)
  return sections.join('\n')
}

/** The unified diff from the server's files to the kit's at some places. Empty if there is no difference. */
function diff({ path, shown, files }: VendoredFolder, kit: Kit, places: readonly string[]): string {
  const temporary = mkdtempSync(join(tmpdir(), 'vendor-diff-'))
  try {
    for (const side of ['a', 'b']) mkdirSync(join(temporary, side))
    for (const place of places) {
      if (files.has(place)) put(join(temporary, 'a', shown, place), readFileSync(join(path, place)))
      const wanted = kit.files.get(place)
      if (wanted !== undefined) put(join(temporary, 'b', shown, place), wanted.bytes)
    }
    return gitDiff(temporary)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

function put(path: string, bytes: Buffer): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
}

/** Compares the folders `a` and `b` of a folder. The names of both stand for the usual prefixes of a diff. */
function gitDiff(folder: string): string {
  const args = ['diff', '--no-index', '--no-prefix', '--no-renames', '--no-color', '--no-ext-diff', '--', 'a', 'b']
  // The person's own settings must not change the output.
  const env = { ...process.env, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }
  const { status, stdout, stderr, error } = spawnSync('git', args, {
    cwd: folder,
    env,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (error) throw error
  if (status !== 0 && status !== 1) throw new Error(`git diff failed: ${stderr}`)
  return stdout
}
