import { isBuiltin } from 'node:module'
import { codeOf, importsOf, resolveImport, type Source } from './source-text.ts'

/** What breaks a rule: a line each, beginning with the file. */
export type Rule = (sources: readonly Source[]) => string[]

export const COPIED = '// Copied on purpose: a fault here must stay here.'
const COPY_LIMIT = 150

const OURS = '@narrow-deputies/'
const SDK = '@modelcontextprotocol/'

/** Tests, what they are made of, and benches: they are in nothing that ships. */
function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || /\/(?:test|bench)\//.test(path) || path.startsWith('packages/server-contract/')
}

/** The part of a server that ships. */
function serverFile(path: string): { server: string; file: string } | undefined {
  const [, server, file] = /^servers\/([^/]+)\/src\/(.+)$/.exec(path) ?? []
  return server && file && !isTest(path) ? { server, file } : undefined
}

function isShipped(path: string): boolean {
  return serverFile(path) !== undefined || (path.startsWith('packages/guardrails/src/') && !isTest(path))
}

/** Every import of the files that `where` holds of, judged by `problem`. */
function eachImport(
  where: (path: string) => boolean,
  problem: (specifier: string, path: string) => string | undefined,
): Rule {
  return sources =>
    sources
      .filter(({ path }) => where(path))
      .flatMap(source =>
        importsOf(source).flatMap(specifier => {
          const computed = isTest(source.path) ? undefined : 'imports by a computed name'
          const fault = specifier === undefined ? computed : problem(specifier, source.path)
          return fault === undefined ? [] : [`${source.path}: ${fault}`]
        }),
      )
}

/** Every place where `pattern` stands in code, strings and comments apart. */
function eachUse(where: (path: string) => boolean, pattern: RegExp, problem: string): Rule {
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

/** Servers use the guardrails and nothing else of ours; their tests also the contract and the demo stack. */
export const serversUseOnlyGuardrails = eachImport(
  path => /^servers\/[^/]+\/(?:src|test)\//.test(path),
  (specifier, path) => {
    const allowed = isTest(path) ? ['guardrails', 'server-contract', 'demo-stack'] : ['guardrails']
    if (specifier.startsWith(OURS))
      return allowed.includes(specifier.slice(OURS.length).split('/')[0] ?? '') ? undefined : `imports ${specifier}`
    const target = resolveImport(path, specifier)
    const [home] = /^servers\/[^/]+\//.exec(path) ?? ['']
    return target === undefined || target.startsWith(home) ? undefined : `imports ${specifier}, outside its own folder`
  },
)

/** Nobody imports a server: neither another one nor a package. A server is used as a process. */
export const nobodyImportsAServer =
  (servers: readonly string[]): Rule =>
  sources =>
    eachImport(
      () => true,
      (specifier, path) => {
        const target = resolveImport(path, specifier)
        const server =
          target === undefined
            ? servers.find(name => `${specifier}/`.startsWith(`${OURS}${name}/`))
            : servers.find(name => target.startsWith(`servers/${name}/`))
        return server === undefined || path.startsWith(`servers/${server}/`) ? undefined : `imports ${specifier}`
      },
    )(sources.filter(({ path }) => path.endsWith('.ts') && !path.includes('/bench/')))

/** The guardrails are everybody's: nothing of ours is in them, and of others pino and the platform alone. */
export const guardrailsStandAlone = eachImport(
  path => path.startsWith('packages/guardrails/src/') && !isTest(path),
  (specifier, path) => {
    if (specifier === 'pino' || specifier.startsWith('node:')) return undefined
    return resolveImport(path, specifier)?.startsWith('packages/guardrails/src/') ? undefined : `imports ${specifier}`
  },
)

/** What examines servers shares nothing with the ones here: its tests may start them, it must not be made of them. */
export const preshipStandsAlone = eachImport(
  path => path.startsWith('packages/preship/src/') && !isTest(path),
  (specifier, path) => {
    if (/^(?:node:.*|zod|gpt-tokenizer(?:\/.*)?)$/.test(specifier)) return undefined
    const isOwn = /^packages\/preship\/(?:src\/|package\.json$)/.test(resolveImport(path, specifier) ?? '')
    return isOwn ? undefined : `imports ${specifier}`
  },
)

const SDK_FILES = ['server.ts', 'http.ts', 'http-sessions.ts', 'confirm.ts', 'main.ts', 'serve.ts']

/** What knows the SDK is few files: the rest of a server outlives its next version. */
export const sdkInFewFiles = eachImport(
  path => isShipped(path) && !SDK_FILES.includes(serverFile(path)?.file ?? ''),
  specifier => (specifier.startsWith(SDK) ? `imports ${specifier}` : undefined),
)

/** The environment is read in two files, so that they show all that a server can be told. */
const readsEnvironment = (path: string): boolean =>
  ['config.ts', 'credentials.ts'].includes(serverFile(path)?.file ?? '')
export const environmentInTwoFiles: Rule = sources => [
  ...eachUse(
    path => isShipped(path) && !readsEnvironment(path),
    /\bprocess\s*(?:\?\.|\.)\s*(?:env|loadEnvFile)\b|\bprocess\s*(?:\?\.)?\[|\bprocess\s*(?:[,)}]|$)|\}\s*=\s*process\b/gm,
    'reads the environment',
  )(sources),
  ...eachImport(
    path => isShipped(path) && !readsEnvironment(path),
    specifier => (/^(?:node:)?process$/.test(specifier) ? `imports ${specifier}` : undefined),
  )(sources),
]

const OUTSIDE =
  /^(?:node:)?(?:fs|child_process|net|https?|http2|tls|dgram|worker_threads|cluster|vm|module|sqlite)(?:\/|$)/

/** A tool reaches nothing but its ports. */
export const toolsReachNothing = eachImport(
  path => serverFile(path)?.file.startsWith('tools/') === true,
  specifier => (OUTSIDE.test(specifier) || specifier === 'undici' ? `imports ${specifier}` : undefined),
)

type Part = 'config' | 'credentials' | 'sdk' | 'tools' | 'backends' | 'local'

/** What each file of a server never imports, types included. */
const NEVER: readonly (readonly [files: RegExp, parts: readonly Part[]])[] = [
  [/^(?:config|vocabulary|errors)\.ts$/, ['local']],
  [/^credentials\.ts$/, ['tools', 'sdk']],
  [/^backend\.ts$/, ['sdk', 'tools']],
  [/^backends\//, ['config', 'credentials', 'sdk', 'tools']],
  [/^tool\.ts$/, ['sdk', 'credentials']],
  [/^call-tool\.ts$/, ['sdk', 'backends']],
  [/^confirm\.ts$/, ['tools']],
  [/^server\.ts$/, ['credentials']],
  [/^(?:http|http-sessions|auth)\.ts$/, ['tools']],
  // What stands between a remote caller and the tools holds nothing that a caller could be after.
  [
    /^(?:http|http-sessions|auth|issuer|gate|exchange|sessions|open-calls|passenger|event-stream|routes|listen|health|protected-resource|request-body|message)\.ts$/,
    ['credentials', 'backends', 'config'],
  ],
  [/^(?:shared-)?single-use\.ts$/, ['config', 'credentials', 'backends', 'tools', 'sdk']],
  [/^tools\/index\.ts$/, ['config', 'credentials', 'sdk']],
  [/^tools\/(?!index\.ts$)/, ['config', 'credentials', 'sdk', 'tools']],
]

function isPart(part: Part, specifier: string, file: string | undefined): boolean {
  if (part === 'sdk') return specifier.startsWith(SDK)
  if (file === undefined) return false
  if (part === 'local') return true
  if (part === 'tools' || part === 'backends') return file.startsWith(`${part}/`)
  return file === `${part}.ts`
}

/** Who knows whom inside a server. */
export const filesKnowTheirPlace = eachImport(
  path => serverFile(path) !== undefined,
  (specifier, path) => {
    const never = NEVER.filter(([files]) => files.test(serverFile(path)?.file ?? '')).flatMap(([, parts]) => parts)
    const target = resolveImport(path, specifier)
    const file = target === undefined ? undefined : (/^servers\/[^/]+\/src\/(.+)$/.exec(target)?.[1] ?? target)
    const broken = never.find(part => isPart(part, specifier, file))
    return broken === undefined ? undefined : `imports ${specifier} (never: ${broken})`
  },
)

const DATABASE =
  /^(?:node:sqlite|pg(?:-.+)?|postgres|mysql2?|mariadb|(?:better-)?sqlite3?|mssql|tedious|oracledb|mongo(?:db|ose)|i?o?redis|@redis\/.+|cassandra-driver|neo4j-driver|@prisma\/.+|prisma|drizzle-orm|kysely|knex|sequelize|typeorm|@mikro-orm\/.+|objection|slonik|@libsql\/.+|@planetscale\/.+|@neondatabase\/.+|@supabase\/.+|@aws-sdk\/client-(?:dynamodb|rds).*)$/

/** Replicas agree in it which answers were used: random words that mean nothing elsewhere, for some minutes. */
const STORE = { client: 'ioredis', file: 'shared-single-use.ts' }

/** A server has no database: not in its code, nor among what is installed for it. */
export const noDatabase: Rule = sources => [
  ...eachImport(isShipped, (specifier, path) => {
    const isStore = specifier === STORE.client && serverFile(path)?.file === STORE.file
    return DATABASE.test(specifier) && !isStore ? `imports ${specifier}` : undefined
  })(sources),
  ...sources
    .filter(({ path }) => /^servers\/[^/]+\/package\.json$/.test(path))
    .flatMap(({ path, text }) => {
      const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>
      return ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies']
        .flatMap(kind => Object.keys(manifest[kind] ?? {}))
        .filter(name => DATABASE.test(name) && name !== STORE.client)
        .map(name => `${path}: depends on ${name}`)
    }),
]

/** A copy says that it is one, stays small, and is not alone. */
export const copiesStaySmall: Rule = sources => {
  const files = sources.flatMap(source => {
    const place = serverFile(source.path)
    return place ? [{ ...source, ...place, isCopy: source.text.startsWith(`${COPIED}\n`) }] : []
  })
  return files
    .filter(({ isCopy }) => isCopy)
    .flatMap(({ path, text, file }) => {
      const lines = text.trimEnd().split('\n').length
      const others = files.filter(other => other.file === file && other.path !== path)
      return [
        ...(lines > COPY_LIMIT ? [`${path}: ${lines} lines are too many for a copy`] : []),
        ...(others.some(({ isCopy }) => isCopy) ? [] : [`${path}: there is no other copy of it`]),
        ...others.filter(({ isCopy }) => !isCopy).map(other => `${other.path}: a copy of it says so, and it does not`),
      ]
    })
}

/** A tool's file is found by its name, and the list of tools has them all. */
export const toolsAreListed: Rule = sources =>
  sources.flatMap(({ path, text }) => {
    const place = serverFile(path)
    const name = /^tools\/(.+)\.ts$/.exec(place?.file ?? '')?.[1]
    if (!place || name === undefined || name === 'index') return []
    const tools = [...codeOf(text, { strings: 'kept' }).matchAll(/^\s*name: '(\w+)',$/gm)].map(([, tool = '']) => tool)
    const index = sources.find(other => other.path === `servers/${place.server}/src/tools/index.ts`)
    const list = /\btools\b[^=]*=\s*\[([^\]]*)\]/.exec(codeOf(index?.text ?? '', { strings: 'kept' }))?.[1] ?? ''
    const [tool] = tools
    if (tool === undefined || tools.length > 1) return [`${path}: defines ${tools.length} tools`]
    return [
      ...(kebab(tool) === name ? [] : [`${path}: its tool is ${tool}`]),
      ...(list.split(/[\s,]+/).includes(tool) ? [] : [`${path}: ${tool} is not in tools/index.ts`]),
    ]
  })

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}

/** Which files send requests: to the backend with the credential, and to the identity provider with nothing. */
const SENDERS = ['credentials.ts', 'issuer.ts']

/**
 * Requests leave a server in two files: one holds the credential and pins the origin, the other asks the identity
 * provider for its public keys. A function that takes `fetch: AuthorisedFetch` calls what the former made; to the
 * platform's own, it would say nothing of the sort.
 */
export const fetchInTwoFiles: Rule = sources =>
  sources
    .filter(({ path }) => isShipped(path) && !SENDERS.includes(serverFile(path)?.file ?? ''))
    .flatMap(({ path, text }) => {
      const code = codeOf(text, { strings: 'blanked' })
      const functions = code.split(/^(?=(?:export )?(?:async )?function\b)/m)
      const own = functions.some(body => /(?<![\w.$])fetch\s*\(/.test(body) && !body.includes('fetch: AuthorisedFetch'))
      const reached =
        /\b(?:globalThis|global|window)\s*(?:\?\.|\.|\[)\s*(?:fetch\b)?|\bnew\s+(?:WebSocket|EventSource)\b/.test(code)
      const passedOn = /[=(,:]\s*fetch\s*(?:[,)\n}]|\?\?)/.test(code) && !code.includes('fetch: AuthorisedFetch')
      return own || reached || passedOn ? [`${path}: sends requests of its own`] : []
    })
    .concat(
      eachImport(isShipped, specifier =>
        /^(?:node:)?(?:https|http2|tls|dgram)$|^(?:undici|axios|got|node-fetch|ky)(?:\/|$)/.test(specifier)
          ? `imports ${specifier}`
          : undefined,
      )(sources),
    )

/** Connections are taken in one file. The others that have to do with them know their types alone. */
export const listensInOneFile: Rule = sources =>
  sources
    .filter(({ path }) => isShipped(path))
    .flatMap(({ path, text }) =>
      [...codeOf(text, { strings: 'kept' }).matchAll(/\bimport\s+([^'"]*?)\s*from\s*['"](?:node:)?(?:http|net)['"]/g)]
        .map(([, names = '']) => names)
        .filter(names => !names.startsWith('type '))
        .flatMap(names => names.replace(/[{}]/g, '').split(','))
        .map(name => name.trim())
        .filter(name => name !== '' && !name.startsWith('type '))
        .filter(name => name !== 'createServer' || serverFile(path)?.file !== 'listen.ts')
        .map(name => `${path}: takes ${name} from node:http or node:net`),
    )
    .concat(
      sources
        .filter(({ path }) => isShipped(path))
        .filter(({ text }) => /(?:require|import)\s*\(\s*['"](?:node:)?(?:http|net)['"]/.test(text))
        .map(({ path }) => `${path}: loads node:http or node:net`),
    )

/** One file starts a process, and it is the one that may. */
export const spawnInOneFile: Rule = sources => [
  ...eachUse(
    path => isShipped(path) && serverFile(path)?.file !== 'backends/ssh.ts',
    /\b(?:spawn|spawnSync|fork)\s*\(/g,
    'starts a process',
  )(sources),
  ...eachImport(
    path => isShipped(path) && serverFile(path)?.file !== 'backends/ssh.ts',
    specifier =>
      /^(?:node:)?(?:child_process|cluster|worker_threads)$/.test(specifier) ? `imports ${specifier}` : undefined,
  )(sources),
]

const isSource = (path: string): boolean => /\.(?:ts|mjs|cjs|js)$/.test(path) && !path.endsWith('.test.ts')

/** No text becomes code, here or in a shell. */
export const nothingEvaluates: Rule = sources => [
  ...eachUse(
    isSource,
    /(?<![\w.$])eval\s*\(|\(\s*0\s*,\s*eval\s*\)|\b(?:new\s+)?(?<![\w.$])Function\s*\(|(?<![\w.$])exec\s*\(|\bexecSync\s*\(/g,
    'runs text as code or as a command',
  )(sources),
  ...eachUse(isShipped, /\bshell\s*:\s*(?!false\b)/g, 'starts a shell')(sources),
  ...sources
    .filter(({ path }) => isSource(path))
    .filter(({ text }) =>
      /\bimport\s*(?:\*|\w+\s+from|\{[^}]*\bexec\b)[^'"]*['"](?:node:)?child_process['"]/.test(
        codeOf(text, { strings: 'kept' }),
      ),
    )
    .map(({ path }) => `${path}: imports more of node:child_process than what starts one program`),
]

const HARMLESS_HOST =
  /^(?:|\$\{.*|localhost|127(?:\.\d{1,3}){3}|\[::1\]|(?:[\w-]+\.)*(?:example|test|invalid|localhost)|(?:[\w-]+\.)*example\.(?:com|net|org))$/i

/** A plain-http address in a source leads to this machine or to nobody. */
export const noPlainHttp: Rule = sources =>
  sources
    .filter(({ path }) => isSource(path) && !path.includes('/test/'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\bhttp:\/\/(\[[^\]\s]*\]|\$\{|[^\s/:?#'"`)<>,\\]*)/g)]
        .filter(([, host = '']) => !HARMLESS_HOST.test(host))
        .map(([url]) => `${path}: ${url}`),
    )

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
  sources =>
    sources.flatMap(({ path, text }) =>
      places.filter(place => text.includes(place)).map(place => `${path}: holds the path ${place}`),
    )
