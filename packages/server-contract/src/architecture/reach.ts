import { codeOf, importsOf } from '../source-text.ts'
import { isFile, placeOf, ships } from './parts.ts'
import { eachImport, eachUse, manifestsOf, type Rule } from './rule.ts'

/** Where the environment is read: where settings are declared and where they are read. */
const readsEnvironment = (path: string): boolean => /^(?:setup(?:\/writes)?|config)$/.test(placeOf(path)?.part ?? '')

/** The environment is read in few places, which show all that a server can be told. */
export const environmentIsReadInSetup: Rule = sources => [
  ...eachUse(
    path => ships(path) && !readsEnvironment(path),
    /\bprocess\s*(?:\?\.|\.)\s*(?:env|loadEnvFile)\b|\bprocess\s*(?:\?\.)?\[|\bprocess\s*(?:[,)}]|$)|\}\s*=\s*process\b/gm,
    'reads the environment',
  )(sources),
  ...eachImport(
    path => ships(path) && !readsEnvironment(path),
    specifier => (/^(?:node:)?process$/.test(specifier) ? `imports ${specifier}` : undefined),
  )(sources),
]

const DATABASE =
  /^(?:node:sqlite|pg(?:-.+)?|postgres|mysql2?|mariadb|(?:better-)?sqlite3?|mssql|tedious|oracledb|mongo(?:db|ose)|i?o?redis|@redis\/.+|cassandra-driver|neo4j-driver|@prisma\/.+|prisma|drizzle-orm|kysely|knex|sequelize|typeorm|@mikro-orm\/.+|objection|slonik|@libsql\/.+|@planetscale\/.+|@neondatabase\/.+|@supabase\/.+|@aws-sdk\/client-(?:dynamodb|rds).*)$/

/** The client of the store in which replicas agree which questions are open: random words, kept for minutes. */
const STORE_CLIENT = 'ioredis'

/** A server has no database: not in its code, nor among the packages that are installed for it. */
export const noDatabase: Rule = sources => [
  ...eachImport(ships, (specifier, path) => {
    const isStore = specifier === STORE_CLIENT && isFile(path, 'call/writes', 'redis-nonce-store.ts')
    return DATABASE.test(specifier) && !isStore ? `imports ${specifier}` : undefined
  })(sources),
  ...manifestsOf(sources)
    .filter(({ path }) => /^(?:servers\/[^/]+|packages\/(?:server-kit|guardrails))\/package\.json$/.test(path))
    .flatMap(({ path, packages }) =>
      packages.filter(name => DATABASE.test(name) && name !== STORE_CLIENT).map(name => `${path}: depends on ${name}`),
    ),
]

/** The files that send requests: to the backend with the credential, and to the identity provider without one. */
const sendsRequests = (path: string): boolean =>
  isFile(path, 'backend', 'pinned-fetch.ts') || isFile(path, 'remote', 'issuer-keys.ts')

/** `fetch` as anything but a property's name. A statement that takes a fetch of ours by that name does not mean Node's. */
const FETCH = /(?<![\w.$])fetch\b(?!\s*:)|\?\s*fetch\b/
const TAKES_OURS = /\bfetch: (?:Reading|Writing)Fetch\b/
/** Other ways out, and the object by which everything global can be reached. */
const OTHERWISE = /\bglobalThis\b|\bglobal\s*(?:\?\.|\.|\[)|\bnew\s+(?:WebSocket|EventSource|XMLHttpRequest)\b/

/** Requests leave a server in two files: one pins the origin, the other asks for public keys. */
export const requestsLeaveInTwoFiles: Rule = sources =>
  sources
    .filter(({ path }) => ships(path) && !sendsRequests(path))
    .filter(({ text }) => {
      const code = codeOf(text, { strings: 'blanked' })
      const statements = code.split(/^(?=[a-z])/m)
      return OTHERWISE.test(code) || statements.some(statement => FETCH.test(statement) && !TAKES_OURS.test(statement))
    })
    .map(({ path }) => `${path}: sends requests of its own`)
    .concat(
      eachImport(ships, specifier =>
        /^(?:node:)?(?:https|http2|tls|dgram|dns|inspector)(?:\/|$)|^(?:undici|axios|got|node-fetch|ky)(?:\/|$)/.test(
          specifier,
        )
          ? `imports ${specifier}`
          : undefined,
      )(sources),
    )

/** A credential is given only to what pins it to one backend. Any other function could keep it or pass it on. */
export const credentialsAreOnlyPinned: Rule = eachUse(
  path => ships(path) && placeOf(path)?.room === undefined,
  /\.\s*connect\b(?!\s*\(\s*authorise(?:Reads|Writes)\b)|[{,]\s*connect\s*[,}:]|\b(?:const|function)\s+authorise/g,
  'gives a credential to something other than authoriseReads or authoriseWrites',
)

/** Connections are accepted in one file. All others import only types of Node’s HTTP server. */
export const connectionsAreAcceptedInOneFile: Rule = sources =>
  sources
    .filter(({ path }) => ships(path))
    .flatMap(source =>
      importsOf(source)
        .filter(({ specifier = '', kind }) => /^(?:node:)?(?:http|net)$/.test(specifier) && kind !== 'type')
        .flatMap(({ kind, clause }) => (kind === 'late' ? ['all'] : clause.replace(/[{}]/g, '').split(',')))
        .map(name => name.trim())
        .filter(name => name !== '' && !name.startsWith('type '))
        .filter(name => name !== 'createServer' || !isFile(source.path, 'remote', 'http-server.ts'))
        .map(name => `${source.path}: takes ${name} from node:http or node:net`),
    )

/** The drafts folder is opened where it is configured. Tools get it as a port. */
export const draftsFolderIsOpenedInConfig: Rule = eachUse(
  path => ships(path) && !/^(?:config|guardrails\/path-guard)$/.test(placeOf(path)?.part ?? ''),
  /\bopenDraftsFolder\b/g,
  'opens the drafts folder',
)

const startsProcesses = (path: string): boolean => isFile(path, 'backends', 'ssh.ts')

/** Processes are started in one file. */
export const processesAreStartedInOneFile: Rule = sources => [
  ...eachUse(
    path => ships(path) && !startsProcesses(path),
    /\b(?:spawn|spawnSync|fork)\s*\(/g,
    'starts a process',
  )(sources),
  ...eachImport(
    path => ships(path) && !startsProcesses(path),
    specifier =>
      /^(?:node:)?(?:child_process|cluster|worker_threads)$/.test(specifier) ? `imports ${specifier}` : undefined,
  )(sources),
]

const isSource = (path: string): boolean => /\.(?:ts|mjs|cjs|js)$/.test(path) && !path.endsWith('.test.ts')

/** No text becomes code, neither here nor in a shell. */
export const nothingEvaluates: Rule = sources => [
  ...eachUse(
    isSource,
    /(?<![\w.$])eval\s*\(|\(\s*0\s*,\s*eval\s*\)|\b(?:new\s+)?(?<![\w.$])Function\s*\(|(?<![\w.$])exec\s*\(|\bexecSync\s*\(/g,
    'runs text as code or as a command',
  )(sources),
  ...eachUse(ships, /\bshell\s*:(?!\s*false\b)/g, 'starts a shell')(sources),
  ...eachImport(ships, specifier =>
    /^(?:node:)?(?:vm|module|repl|wasi)$/.test(specifier) ? `imports ${specifier}` : undefined,
  )(sources),
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
    .filter(({ path }) => isSource(path) && !/^(?:servers|packages)\/[^/]+\/test\//.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\bhttp:\/\/(\[[^\]\s]*\]|\$\{|[^\s/:?#'"`)<>,\\]*)/g)]
        .filter(([, host = '']) => !HARMLESS_HOST.test(host))
        .map(([url]) => `${path}: ${url}`),
    )
