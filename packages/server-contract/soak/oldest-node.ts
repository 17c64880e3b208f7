import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { entryPoint, SERVERS } from '../src/repository.ts'
import { listedTools } from './listed-tools.ts'
import { mustRun } from './proof.ts'

/** The oldest Node.js version that README.md names, and the oldest of the next line. Neither detects ES modules. */
const VERSIONS = ['20.11.0', '22.0.0']

/** The built file of each server, copied to an empty folder, runs on the oldest Node.js that README.md names. */
export async function* proveOldestNode(): AsyncGenerator<string> {
  const { platform, arch } = process
  if (platform !== 'linux' || !['x64', 'arm64'].includes(arch)) {
    yield `skipped on ${platform} ${arch}: Node.js is published as an npm package for linux x64 and arm64`
    return
  }
  for (const version of VERSIONS) {
    const node = ['npx', '--yes', '-p', `node-linux-${arch}@${version}`, 'node'] as const
    const { stdout } = await mustRun('npx', [...node.slice(1), '--version'])
    for (const server of SERVERS) {
      const folder = mkdtempSync(join(tmpdir(), `${server}-`))
      try {
        const file = join(folder, 'main.mjs')
        copyFileSync(entryPoint(server), file)
        const tools = await listedTools([...node], server, file, folder)
        yield `${server} on Node.js ${stdout.trim()}: lists ${tools.join(', ')}`
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    }
  }
}
