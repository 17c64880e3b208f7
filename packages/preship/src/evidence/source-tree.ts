import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { EvidenceSource } from './evidence-source.ts'
import { type SourceFile, sourceFiles } from './source-files.ts'
import { shellsIn } from './source-shells.ts'

export const SOURCE_KINDS = {
  SOURCE_EMPTY: {
    item: 3,
    severity: 'warning',
    title: 'there is no source where it should be',
    why: 'Nothing was looked at.',
    narrow: 'Name the folder that the server’s source is in.',
  },
  SOURCE_UNREAD: {
    item: 3,
    severity: 'warning',
    title: 'part of the source was not looked at',
    why: 'What stands there speaks neither for the server nor against it.',
    narrow:
      'Give --source the code that is written rather than built, in files that can be read; look at the rest by hand.',
  },
  DATABASE_DRIVER: {
    item: 3,
    severity: 'error',
    title: 'the server speaks to a database',
    why: 'It goes past the backend’s own checks, permissions and limits: the model’s deputy becomes a second backend.',
    narrow: 'Call the backend’s API with a credential of its own.',
  },
  DATABASE_CREDENTIAL: {
    item: 3,
    severity: 'error',
    title: 'the server holds a credential of a database',
    why: 'What it can read and change is whatever the database’s user can.',
    narrow: 'Give it a credential of the backend’s API, with the few scopes that its tools need.',
  },
  ENVIRONMENT_PASSED_ON: {
    item: 4,
    severity: 'error',
    title: 'a child process gets the whole environment',
    why: 'Every secret of the server, and of whoever started it, goes to a program that needs none of them.',
    narrow: 'Pass the few variables that the child needs, by name.',
  },
  TOKEN_LOGGED: {
    item: 4,
    severity: 'error',
    title: 'a credential is written to a log',
    why: 'Whoever may read the log may act as the server.',
    narrow: 'Log what was done, not what it was done with.',
  },
  SHELL_RUN: {
    item: 2,
    severity: 'error',
    title: 'a command is run through a shell',
    why: 'One argument with a semicolon in it is another command.',
    narrow: 'Use spawn or execFile with a list of arguments and no shell, for one program each.',
  },
  CODE_EVALUATED: {
    item: 2,
    severity: 'error',
    title: 'text is run as code',
    why: 'If any of that text comes from a caller, the caller runs code.',
    narrow: 'Write the few things that are needed as functions, and choose among them by name.',
  },
  ADDRESS_INTERPOLATED: {
    item: 2,
    severity: 'warning',
    title: 'a value is put into an address as it is',
    why: 'With ../, ? or # in it, the request goes to another endpoint than the one that was meant.',
    narrow: 'Refuse separators in the value, and encode it as one segment: encodeURIComponent at the least.',
  },
  PATH_INTERPOLATED: {
    item: 2,
    severity: 'warning',
    title: 'a value is put into a path as it is',
    why: 'With ../ in it, or through a link, another file is read or written than the one that was meant.',
    narrow: 'Take a name, find it among the folder’s own entries, open it once without following links.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof SOURCE_KINDS

/** Without what keeps state between replicas: a nonce in Redis is no backend. */
const DRIVERS =
  'pg postgres mysql mysql2 mariadb mongodb mongoose sqlite3 better-sqlite3 node:sqlite sqlite oracledb mssql tedious knex sequelize typeorm drizzle-orm @prisma/client prisma cassandra-driver neo4j-driver couchbase psycopg2 psycopg2-binary psycopg asyncpg pymysql pymongo sqlalchemy cx_oracle duckdb @duckdb/node-api pg-promise postgres-js slonik kysely objection @mikro-orm/core @libsql/client @planetscale/database @neondatabase/serverless @vercel/postgres sql.js bun:sqlite mysqlclient mysqldb mysql-connector-python aiosqlite aiomysql peewee pyodbc motor clickhouse-connect @clickhouse/client'.split(
    ' ',
  )

/** Patterns of code alone, then of code with its strings. */
const IN_CODE: readonly [Code, RegExp][] = [
  [
    'ENVIRONMENT_PASSED_ON',
    /\.\.\.\s*process\.env\b(?!\s*[.[])|\bObject\.assign\(\s*\{\s*\}\s*,\s*process\.env\b(?!\s*[.[])|\benv\s*(?::\s*process\.env|=\s*os\.environ)\s*(?=[,})\n])/g,
  ],
  [
    'SHELL_RUN',
    /\bshell\s*[:=]\s*(?:true|True)\b|(?<![.\w])execSync\s*\(|\b(?:child_process|cp)\.exec(?:Sync)?\s*\(|\bos\.(?:system|popen)\s*\(|\bsubprocess\.get(?:status)?output\s*\(|\bcreate_subprocess_shell\s*\(/g,
  ],
  [
    'CODE_EVALUATED',
    /(?<![.\w])(?:(?:globalThis|global|window)\.)?(?:eval|Function)\s*\(|\(\s*0\s*,\s*eval\s*\)|\bvm\.runIn\w*Context\s*\(|(?<![.\w])runIn(?:New|This)Context\s*\(|\bnew\s+vm\.Script\s*\(/g,
  ],
  [
    'TOKEN_LOGGED',
    /\b(?:console\.\w+|(?:log|logger|logging)\.\w+|print)\s*\((?:[^()\n]|\([^()\n]*\))*?\b(?:\w*[tT]oken|api_?[kK]ey|API_?KEY|\w*[sS]ecret|\w*[pP]assword|[aA]uthorization)\b/g,
  ],
]
const WITH_STRINGS: readonly [Code, RegExp][] = [
  [
    'DATABASE_CREDENTIAL',
    /\b(?:process\.env|os\.environ)(?:\.|\[['"]|\.get\(['"])(?:\w*DATABASE_URL|PG[A-Z]+|MYSQL_\w+|POSTGRES_\w+|MONGO\w*|DB_\w+|\w+_DSN)\b|['"`](?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?):\/\//g,
  ],
]
const TEMPLATE = /\b(\w*[fF]etch|axios(?:\.\w+)?|new\s+URL|got(?:\.\w+)?|\w*[rR]equest)\s*\(\s*`([^`\n]*)`/g
const ADDRESS = /\b(?:const|let|var)\s+(\w*(?:[uU]rl|URL|[eE]ndpoint))\s*=\s*`(https?:\/\/[^`\n]*)`/g
const OPENS_FILE =
  /\b(?:readFile|writeFile|appendFile|open|createReadStream|createWriteStream|unlink|rm|readdir)(?:Sync)?\s*\(\s*(?:`[^`\n]*\$\{(?<inserted>[^}]*)\}|(?:path\.)?(?:join|resolve)\s*\((?<joined>[^()\n]*)\))/g
const FROM_CALLER =
  /\b(?:args|input|params|arguments|request|req|body)\s*[.[]|\b(?:filename|fileName|userPath|filePath|file)\b/
const ENCODED = /\bencode\w*\s*\(|\b(?:encoded|safe)\w*\b|[pP]arams\b|URLSearchParams|searchParams|urlPath/

/** Named where it is said what was looked at. */
const MOST_LEFT_OUT = 5
const MOST_UNREAD = 20

/** Reads the server's source for what no probe can see. */
export function sourceTree(folder: string): EvidenceSource {
  return {
    // It can speak against a server, and not for it: whom the backend lets in, and what the credential opens, is not in it.
    items: [],
    judge(): Result {
      const { files, packages, leftOut, unread } = sourceFiles(folder)
      const missed = unread.map(each => ({ code: 'SOURCE_UNREAD', message: plain(each, 200) })).slice(0, MOST_UNREAD)
      if (unread.length > MOST_UNREAD)
        missed.push({ code: 'SOURCE_UNREAD', message: `and ${unread.length - MOST_UNREAD} more` })
      if (files.length === 0 && missed.length === 0)
        return { findings: [{ code: 'SOURCE_EMPTY', message: 'no source was found' }], evidence: [] }
      const findings = [...packages.flatMap(driversIn), ...files.flatMap(findingsIn)]
      return {
        findings: [...missed, ...findings.slice(0, 200)],
        evidence: evidenceOf(findings, lookedAt(files.length, leftOut)),
      }
    },
  }
}

function lookedAt(count: number, leftOut: readonly string[]): string {
  const named = leftOut.slice(0, MOST_LEFT_OUT).join(', ')
  const more = leftOut.length > MOST_LEFT_OUT ? ' and others' : ''
  return `${count} source files${named && ` (without ${named}${more})`}`
}

function evidenceOf(findings: readonly Finding[], looked: string): Evidence[] {
  const has = (...codes: Code[]): boolean => findings.some(({ code }) => (codes as string[]).includes(code))
  const evidence: Evidence[] = []
  if (!has('DATABASE_DRIVER', 'DATABASE_CREDENTIAL'))
    evidence.push({ item: 3, text: `${looked} import no database driver and read no database credential` })
  if (!has('ENVIRONMENT_PASSED_ON', 'TOKEN_LOGGED'))
    evidence.push({ item: 4, text: `${looked} pass no environment on and log no credential` })
  if (!has('SHELL_RUN', 'CODE_EVALUATED'))
    evidence.push({ item: 2, text: `${looked} run no shell and evaluate no text` })
  return evidence
}

function driversIn({ name, text }: { name: string; text: string }): Finding[] {
  const named = name.endsWith('.json') ? dependenciesOf(text) : (text.toLowerCase().match(/^[\s"']*[\w-]+/gm) ?? [])
  const found = named.map(each => each.replace(/[\s"']/g, '')).filter(each => DRIVERS.includes(each))
  return [...new Set(found)].map(each => finding('DATABASE_DRIVER', name, `depends on ${each}`))
}

/** What it needs to run: tools for development may well need a database. */
function dependenciesOf(text: string): string[] {
  try {
    const { dependencies, optionalDependencies } = JSON.parse(text) as Record<string, object | undefined>
    return Object.keys({ ...dependencies, ...optionalDependencies })
  } catch {
    return []
  }
}

function findingsIn(file: SourceFile): Finding[] {
  const findings: Finding[] = []
  const add = (code: Code, index: number, what: string): void => {
    findings.push(finding(code, `${file.name}:${lineAt(file.code, index)}`, what))
  }
  // What begins in a string is no import.
  for (const { 1: name = '', index } of file.withStrings.matchAll(
    /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|\bgetBuiltinModule\s*\(\s*)['"`]([^'"`\n]+)['"`]/g,
  ))
    if (file.code[index] !== ' ' && DRIVERS.includes(packageOf(name)))
      add('DATABASE_DRIVER', index, `imports ${packageOf(name)}`)
  for (const { 1: name = '', index } of file.name.endsWith('.py')
    ? file.code.matchAll(/^\s*(?:import|from)\s+([\w.]+)/gm)
    : [])
    if (DRIVERS.includes(name.split('.')[0] ?? '')) add('DATABASE_DRIVER', index, `imports ${name}`)
  for (const [code, pattern] of IN_CODE)
    for (const { 0: text, index } of file.code.matchAll(pattern)) add(code, index, text)
  for (const [index, text] of shellsIn(file)) add('SHELL_RUN', index, text)
  if (file.name.endsWith('.py'))
    for (const { 0: text, index } of file.code.matchAll(/(?<![.\w])exec\s*\(/g)) add('CODE_EVALUATED', index, text)
  for (const [code, pattern] of WITH_STRINGS)
    for (const { 0: text, index } of file.withStrings.matchAll(pattern)) add(code, index, text)
  for (const { 1: caller = '', 2: inner = '', index } of file.withStrings.matchAll(TEMPLATE))
    if (insertsRaw(inner, file.withStrings)) add('ADDRESS_INTERPOLATED', index, `${caller} of a template`)
  for (const { 1: name = '', 2: inner = '', index } of file.withStrings.matchAll(ADDRESS))
    if (insertsRaw(inner, file.withStrings)) add('ADDRESS_INTERPOLATED', index, `${name} made of a template`)
  for (const { groups, index } of file.withStrings.matchAll(OPENS_FILE))
    if (fromCaller(groups?.inserted ?? groups?.joined ?? '', file.withStrings))
      add('PATH_INTERPOLATED', index, 'a path made of a value')
  return findings
}

/** Whether a value that is no constant, and not encoded, stands behind the beginning of an address. */
function insertsRaw(template: string, text: string): boolean {
  return [...template.matchAll(/\$\{([^}]*)\}/g)].some(({ 1: inner = '', index }) => {
    const isBeginning = index === 0 || /^\w+:\/\/$/.test(template.slice(0, index))
    const isOwn =
      /(?:^|\.)[A-Z][A-Z0-9_]*$/.test(inner.trim()) || /\b(?:base\w*|origin|host|port|api_?url)$/i.test(inner.trim())
    return !isBeginning && !isOwn && !ENCODED.test(inner) && !isCounter(inner.trim(), text)
  })
}

function fromCaller(inner: string, text: string): boolean {
  return inner.split(',').some(part => FROM_CALLER.test(part) && !isEntry(part.trim(), text))
}

/** `let page = 1`, and then one more each time. */
function isCounter(name: string, text: string): boolean {
  return /^[a-zA-Z]\w*$/.test(name) && new RegExp(`\\blet ${name} = \\d+\\b`).test(text)
}

/** An entry that the server found in the folder itself. */
function isEntry(name: string, text: string): boolean {
  return /^[a-zA-Z]\w*$/.test(name) && /\bof [^\n]{0,40}\breaddir/.test(lineOfLoop(name, text))
}

function lineOfLoop(name: string, text: string): string {
  return new RegExp(`\\bfor (?:await )?\\((?:const|let|var) ${name} of [^\\n]*`).exec(text)?.[0] ?? ''
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
}

function finding(code: Code, place: string, what: string): Finding {
  return { code, message: `${plain(place, 120)}: ${plain(what, 80)}` }
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** Variables of the environment that hold secrets, as far as the source reads them by name. */
export function secretsReadIn(folder: string): string[] {
  const { files } = sourceFiles(folder)
  const names = files.flatMap(({ withStrings }) =>
    [
      ...withStrings.matchAll(
        /\b(?:process\.env|os\.environ|environment|env)(?:\.|\[['"]|\.get\(['"])([A-Z][A-Z0-9_]+)\b/g,
      ),
    ].map(({ 1: name = '' }) => name.replace(/_FILE$/, '')),
  )
  return [...new Set(names)].filter(name => /(?:KEY|TOKEN|SECRET|PASSWORD|DSN)$/.test(name))
}
