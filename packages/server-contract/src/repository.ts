import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Source } from './source-text.ts'

/** The root folder of the repository, without a trailing separator. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[\\/]$/, '')

export const SERVERS: readonly string[] = readdirSync(join(ROOT, 'servers'), { withFileTypes: true })
  // Node.js tools can leave a node_modules folder here, which is not a server.
  .filter(entry => entry.isDirectory() && existsSync(join(ROOT, 'servers', entry.name, 'package.json')))
  .map(({ name }) => name)

/** The source files of all packages and servers, without installed and built files. */
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

/** A built server and the files that it was built from. */
export interface Bundle extends Source {
  /** Paths relative to the server's folder, with `/`. */
  readonly inputs: readonly string[]
  /** The size that the metafile records. */
  readonly listedBytes: number
}

/** The built file of each server. */
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

/** The part of esbuild's metafile that is used here. */
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
