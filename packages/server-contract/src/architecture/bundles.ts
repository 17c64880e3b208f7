import { isBuiltin } from 'node:module'
import type { Bundle } from '../repository.ts'
import type { Source } from '../source-text.ts'
import type { Rule } from './rule.ts'
import { READERS } from './shape.ts'

/** A built file needs nothing beside it but Node. */
export const bundleStandsAlone: Rule = sources =>
  sources.flatMap(({ path, text }) => {
    const imported = [
      /^(?:import|export)\s[^'"`;]*?from\s*["']([^"'\n]+)["']/gm,
      /^import\s*["']([^"'\n]+)["']/gm,
      // A quotation mark before it: generated code, held as text and never run from here.
      /(?<![\w.$'"`])(?:__require|require|import)\(\s*["']([^"'\n]+)["']\s*\)/g,
    ].flatMap(pattern => [...text.matchAll(pattern)].map(([, name = '']) => name))
    return [...new Set(imported)].filter(name => !isBuiltin(name)).map(name => `${path}: imports ${name}`)
  })

/** A built file is the same wherever it is built. @param places absolute paths of the machine that built it */
export const bundleKnowsNoMachine =
  (places: readonly string[]): Rule =>
  (sources: readonly Source[]) =>
    sources.flatMap(({ path, text }) =>
      places.filter(place => text.includes(place)).map(place => `${path}: holds the path ${place}`),
    )

/** A server's own files, installed packages, and the empty module that stands for a package that is not there. */
const ITS_OWN = /^(?:src\/|package\.json$|(?:\.\.\/)*node_modules\/|nothing:)/

/** A server is built from its own folder and installed packages, of which none is ours. */
export function bundleStaysInItsFolder(bundles: readonly Bundle[]): string[] {
  return inputsThat(bundles, input => !ITS_OWN.test(input) || /@narrow-deputies[/+]/.test(input))
}

/** Nothing that writes is built into a server that only reads. */
export function readerBundlesHoldNoWrites(bundles: readonly Bundle[]): string[] {
  const readers = bundles.filter(({ path }) => READERS.some(reader => path.startsWith(`servers/${reader}/`)))
  return inputsThat(readers, input => /(?:^|\/)writes\/|\bioredis\b/.test(input))
}

function inputsThat(bundles: readonly Bundle[], isFault: (input: string) => boolean): string[] {
  return bundles.flatMap(({ path, inputs }) => inputs.filter(isFault).map(input => `${path}: is built from ${input}`))
}
