import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Source } from './source-text.ts'

/** Where this repository is. No trailing separator. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[\\/]$/, '')

export const SERVERS: readonly string[] = readdirSync(join(ROOT, 'servers'), { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name)

/** What people wrote, of the workspace's folders; what is installed or built is left out. */
export function readSources(): Source[] {
  return ['packages', 'servers', 'scripts'].flatMap(folder => sourcesBelow(folder))
}

function sourcesBelow(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap(entry => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return /^(?:node_modules|dist|coverage|\..+)$/.test(entry.name) ? [] : sourcesBelow(path)
    return entry.isFile() && /\.(?:ts|mjs|cjs|js)$|^package\.json$/.test(entry.name) ? [readSource(path)] : []
  })
}

/** The one file of each server, as it is built. */
export function readBundles(): Source[] {
  return SERVERS.map(server => readSource(`servers/${server}/dist/main.js`))
}

export function entryPoint(server: string): string {
  return join(ROOT, 'servers', server, 'dist', 'main.js')
}

function readSource(path: string): Source {
  return { path, text: readFileSync(join(ROOT, path.replaceAll('/', sep)), 'utf8') }
}
