import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ROOT, SERVERS } from '../src/repository.ts'
import { listedTools } from './listed-tools.ts'
import { mustRun } from './proof.ts'

/** Installed and built files, and the tests, which need this repository. */
const LEFT_BEHIND = new Set(['node_modules', 'dist', 'test', '.turbo'])

/** A server's folder installs from the registry, type-checks, builds and runs outside of this repository. */
export async function* proveStandalone(): AsyncGenerator<string> {
  for (const server of SERVERS) {
    const folder = mkdtempSync(join(tmpdir(), `${server}-`))
    try {
      const home = join(folder, server)
      cpSync(join(ROOT, 'servers', server), home, {
        recursive: true,
        filter: source => !LEFT_BEHIND.has(basename(source)),
      })
      await mustRun('npm', ['install', '--no-audit', '--no-fund'], { cwd: home })
      await mustRun('npm', ['run', 'typecheck'], { cwd: home })
      await mustRun('npm', ['run', 'build'], { cwd: home })
      const state = mkdtempSync(join(folder, 'state-'))
      const tools = await listedTools([process.execPath], server, join(home, 'dist', 'main.mjs'), state)
      yield `${server}: installed, type-checked, built and started; it lists ${tools.join(', ')}`
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
