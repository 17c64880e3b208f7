import { codeOf, type Import, importsOf, type Source } from '../source-text.ts'

/** Finds what breaks a rule: a line each, which begins with the file. */
export type Rule = (sources: readonly Source[]) => string[]

/** The scope of our packages. */
export const OURS = '@narrow-deputies/'

/** A test, what tests are made of, or a benchmark: in nothing that ships. */
export function isTest(path: string): boolean {
  return (
    path.endsWith('.test.ts') ||
    /^(?:servers|packages)\/[^/]+\/(?:test|bench)\//.test(path) ||
    path.startsWith('packages/server-contract/')
  )
}

/** Judges every import of the files that `where` chooses. An import by a computed name is a fault except in tests. */
export function eachImport(
  where: (path: string) => boolean,
  problem: (specifier: string, path: string, kind: Import['kind']) => string | undefined,
): Rule {
  return sources =>
    sources
      .filter(({ path }) => /\.(?:ts|mjs|cjs|js)$/.test(path) && where(path))
      .flatMap(source =>
        importsOf(source).flatMap(({ specifier, kind }) => {
          const computed = isTest(source.path) ? undefined : 'imports by a computed name'
          const fault = specifier === undefined ? computed : problem(specifier, source.path, kind)
          return fault === undefined ? [] : [`${source.path}: ${fault}`]
        }),
      )
}

/** Finds every place where `pattern` stands in code, strings and comments apart. */
export function eachUse(where: (path: string) => boolean, pattern: RegExp, problem: string): Rule {
  return sources =>
    sources
      .filter(({ path }) => where(path))
      .flatMap(({ path, text }) =>
        [...codeOf(text, { strings: 'blanked' }).matchAll(pattern)].map(({ index }) => {
          const line = text.slice(0, index).split('\n').length
          return `${path}:${line}: ${problem}`
        }),
      )
}

/** The package.json files among the sources. */
export function manifestsOf(sources: readonly Source[]): { path: string; manifest: Manifest; packages: string[] }[] {
  return sources
    .filter(({ path }) => path.endsWith('/package.json'))
    .map(({ path, text }) => {
      const manifest = JSON.parse(text) as Manifest
      return { path, manifest, packages: DEPENDENCIES.flatMap(kind => Object.keys(manifest[kind] ?? {})) }
    })
}

const DEPENDENCIES = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'] as const

interface Manifest extends Partial<Record<(typeof DEPENDENCIES)[number], Record<string, string>>> {
  readonly name?: string
  readonly imports?: Record<string, string>
}
