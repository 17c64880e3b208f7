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

/** A built server, and the files that it was built from. */
export interface Bundle extends Source {
  /** Paths from the server's folder, with `/`. */
  readonly inputs: readonly string[]
  /** Its size, as the list of its inputs has it. */
  readonly listedBytes: number
}

/** The one file of each server, as it is built. */
export function readBundles(): Bundle[] {
  return SERVERS.map(server => {
    const { inputs, outputs } = JSON.parse(readSource(`servers/${server}/dist/metafile-esm.json`).text) as Metafile
    return {
      ...readSource(`servers/${server}/dist/main.mjs`),
      inputs: Object.keys(inputs),
      listedBytes: outputs['dist/main.mjs']?.bytes ?? 0,
    }
  })
}

/** The part of esbuild's metafile that is read here. */
interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>
  readonly outputs: Readonly<Record<string, { readonly bytes: number }>>
}

export function entryPoint(server: string): string {
  return join(ROOT, 'servers', server, 'dist', 'main.mjs')
}

function readSource(path: string): Source {
  return { path, text: readFileSync(join(ROOT, path.replaceAll('/', sep)), 'utf8') }
}
