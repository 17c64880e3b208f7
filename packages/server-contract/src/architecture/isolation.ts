import { IMPORT_MAPS, resolveImport } from '../source-text.ts'
import { placeOf } from './parts.ts'
import { eachImport, isTest, manifestsOf, OURS, type Rule } from './rule.ts'

const KIT = 'packages/server-kit/'
/** Where a server has its copy of how servers are built. */
export const TSUP_BASE = './src/vendored/build/tsup.base.ts'

/** What the tests of a server may use of ours. They are a package of their own, in the server's `test/`. */
const FOR_TESTS = /^@narrow-deputies\/(?:server-contract|demo-stack|guardrails)(?:\/|$)/
const TEST_MANIFEST = /^servers\/[^/]+\/test\/package\.json$/

/** A server's files import nothing outside its folder but packages. Its tests may use three of ours. */
export const serversStandAlone: Rule = sources => [
  ...eachImport(
    path => path.startsWith('servers/'),
    (specifier, path) => {
      const target = resolveImport(path, specifier)
      const [home = ''] = /^servers\/[^/]+\//.exec(path) ?? []
      if (target !== undefined) return target.startsWith(home) ? undefined : `imports ${specifier}, outside its folder`
      const isForTests = isTest(path) && FOR_TESTS.test(specifier)
      return !specifier.startsWith(OURS) || isForTests ? undefined : `imports ${specifier}`
    },
  )(sources),
  ...eachImport(
    path => /^servers\/[^/]+\/tsup\.config\.ts$/.test(path),
    specifier => (specifier === TSUP_BASE ? undefined : `imports ${specifier}, and not its copy of the build`),
  )(sources),
  ...manifestsOf(sources)
    .filter(({ path }) => path.startsWith('servers/'))
    .flatMap(({ path, packages }) =>
      packages
        .filter(name => name.startsWith(OURS) && !(TEST_MANIFEST.test(path) && FOR_TESTS.test(name)))
        .map(name => `${path}: depends on ${name}`),
    ),
]

/** A name with `#` means the same room to Node, to TypeScript and to the rules here. */
export const doorsAreMapped: Rule = sources =>
  manifestsOf(sources).flatMap(({ path, manifest: { imports } }) => {
    const map = path.startsWith('servers/') ? IMPORT_MAPS.server : IMPORT_MAPS.kit
    const isJudged = (path.startsWith('servers/') && !TEST_MANIFEST.test(path)) || path.startsWith(KIT)
    return isJudged && JSON.stringify(imports) !== JSON.stringify(map)
      ? [`${path}: its imports are not ${JSON.stringify(map)}`]
      : []
  })

/** The files of a server that scripts read: what it declares of its tools, settings and scopes. */
const DECLARATIONS = /\/src\/(?:tools\/index|config|backends\/rest|vendored\/setup\/(?:writes\/)?index)\.ts$/

/** Nobody imports a server: neither another server nor a package. A server is used as a process. */
export const nobodyImportsAServer: Rule = sources => {
  const servers = manifestsOf(sources).filter(({ path }) => path.startsWith('servers/'))
  const folders = new Map(servers.map(({ path, manifest }) => [manifest.name, path.replace('package.json', '')]))
  return eachImport(
    () => true,
    (specifier, path) => {
      const target = resolveImport(path, specifier)
      const [name = ''] = /^@[^/]+\/[^/]+/.exec(specifier) ?? []
      const folder = target === undefined ? folders.get(name) : /^servers\/[^/]+\//.exec(target)?.[0]
      const isDeclared = path.startsWith('scripts/') && DECLARATIONS.test(target ?? '')
      return folder === undefined || path.startsWith(folder) || isDeclared ? undefined : `imports ${specifier}`
    },
  )(sources)
}

/** The kit is copied. Whoever imported it would share it with the servers. */
export const nobodyImportsTheKit: Rule = sources => [
  ...eachImport(
    path => !path.startsWith(KIT),
    (specifier, path) =>
      resolveImport(path, specifier)?.startsWith(KIT) || `${specifier}/`.startsWith(`${OURS}server-kit/`)
        ? `imports ${specifier}`
        : undefined,
  )(sources),
  ...manifestsOf(sources).flatMap(({ path, packages }) =>
    packages.includes(`${OURS}server-kit`) ? [`${path}: depends on ${OURS}server-kit`] : [],
  ),
]

/** The guardrails belong to everybody: they import nothing of ours, and of others only pino and Node. */
export const guardrailsStandAlone = eachImport(
  path => placeOf(path)?.room === 'guardrails',
  (specifier, path) => {
    if (specifier === 'pino' || specifier.startsWith('node:')) return undefined
    return placeOf(resolveImport(path, specifier) ?? '')?.room === 'guardrails' ? undefined : `imports ${specifier}`
  },
)

/** preship examines servers, so it shares nothing with those here. Its tests may start them. */
export const preshipStandsAlone = eachImport(
  path => path.startsWith('packages/preship/src/') && !isTest(path),
  (specifier, path) => {
    if (/^(?:node:.*|zod|gpt-tokenizer(?:\/.*)?)$/.test(specifier)) return undefined
    const isOwn = /^packages\/preship\/(?:src\/|package\.json$)/.test(resolveImport(path, specifier) ?? '')
    return isOwn ? undefined : `imports ${specifier}`
  },
)
