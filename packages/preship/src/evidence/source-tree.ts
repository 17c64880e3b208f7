import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { EvidenceSource } from './evidence-source.ts'
import { type SourceFile, sourceFiles } from './source-files.ts'
import { shellsIn } from './source-shells.ts'

export const SOURCE_KINDS = {
  SOURCE_EMPTY: {
    item: 3,
    severity: 'warning',
    title: 'No source code found',
    why: 'The source code was not examined.',
    narrow: 'Pass the folder that contains the server’s source code to --source.',
  },
  SOURCE_UNREAD: {
    item: 3,
    severity: 'warning',
    title: 'Part of the source code was not examined',
    why: 'Problems in that part are not reported.',
    narrow:
      'Pass source code rather than build output to --source, in files that can be read, and review the rest by hand.',
  },
  DATABASE_DRIVER: {
    item: 3,
    severity: 'error',
    title: 'Server accesses a database directly',
    why: 'It bypasses the validation, permissions and rate limits of the backend’s API.',
    narrow: 'Call the backend’s API with a credential of the server’s own.',
  },
  DATABASE_CREDENTIAL: {
    item: 3,
    severity: 'error',
    title: 'Server holds a database credential',
    why: 'It can read and change everything that the database user can.',
    narrow: 'Use a credential for the backend’s API, with only the scopes that the tools need.',
  },
  ENVIRONMENT_PASSED_ON: {
    item: 4,
    severity: 'error',
    title: 'Child process inherits the whole environment',
    why: 'Every secret of the server, and of the user who started it, is passed to a program that does not need it.',
    narrow: 'Pass only the variables that the child process needs, by name.',
  },
  TOKEN_LOGGED: {
    item: 4,
    severity: 'error',
    title: 'Credential is written to a log',
    why: 'Anyone who can read the log can act as the server.',
    narrow: 'Log what was done, without tokens, keys or passwords.',
  },
  SHELL_RUN: {
    item: 2,
    severity: 'error',
    title: 'Command is run through a shell',
    why: 'An argument with shell metacharacters such as “;” can run another command (command injection).',
    narrow: 'Use spawn or execFile with a list of arguments and without a shell.',
  },
  CODE_EVALUATED: {
    item: 2,
    severity: 'error',
    title: 'Text is evaluated as code',
    why: 'If any part of the text comes from a caller, the caller can run code on the server (code injection).',
    narrow: 'Write the needed operations as functions, and select among them by name.',
  },
  ADDRESS_INTERPOLATED: {
    item: 2,
    severity: 'warning',
    title: 'Value is inserted into a URL without encoding',
    why: 'With “../”, “?” or “#” in the value, the request goes to another endpoint (URL injection).',
    narrow: 'Reject separators in the value, and encode it as one path segment, at the least with encodeURIComponent.',
  },
  PATH_INTERPOLATED: {
    item: 2,
    severity: 'warning',
    title: 'Value is inserted into a file path without a check',
    why: 'With “../” in the value, or through a symbolic link, another file is read or written (path traversal).',
    narrow: 'Take a file name, look it up among the folder’s entries, and open it once without following links.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof SOURCE_KINDS

/** Database drivers. Redis clients are not listed: servers use them to share nonces between replicas. */
const DRIVERS =
  'pg postgres mysql mysql2 mariadb mongodb mongoose sqlite3 better-sqlite3 node:sqlite sqlite oracledb mssql tedious knex sequelize typeorm drizzle-orm @prisma/client prisma cassandra-driver neo4j-driver couchbase psycopg2 psycopg2-binary psycopg asyncpg pymysql pymongo sqlalchemy cx_oracle duckdb @duckdb/node-api pg-promise postgres-js slonik kysely objection @mikro-orm/core @libsql/client @planetscale/database @neondatabase/serverless @vercel/postgres sql.js bun:sqlite mysqlclient mysqldb mysql-connector-python aiosqlite aiomysql peewee pyodbc motor clickhouse-connect @clickhouse/client'.split(
    ' ',
  )

/** Patterns for code without string contents. */
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
/** Patterns for code including string contents. */
const IN_CODE_WITH_STRINGS: readonly [Code, RegExp][] = [
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

/** The number of skipped folders that a report names. */
const MAX_SKIPPED_NAMES = 5
const MAX_UNREAD_FINDINGS = 20

/** Scans the server’s source code for problems that no probe can observe. */
export function sourceTree(folder: string): EvidenceSource {
  return {
    // Source code cannot show which callers the backend accepts or what the credential allows, so it can only count
    // against a server.
    items: [],
    judge(): Result {
      const { files, packages, skipped, unread } = sourceFiles(folder)
      const missed = unread
        .map(each => ({ code: 'SOURCE_UNREAD', message: sanitize(each, 200) }))
        .slice(0, MAX_UNREAD_FINDINGS)
      if (unread.length > MAX_UNREAD_FINDINGS)
        missed.push({ code: 'SOURCE_UNREAD', message: `and ${unread.length - MAX_UNREAD_FINDINGS} more` })
      if (files.length === 0 && missed.length === 0)
        return { findings: [{ code: 'SOURCE_EMPTY', message: 'the folder contains no source files' }], evidence: [] }
      const findings = [...packages.flatMap(driversIn), ...files.flatMap(findingsIn)]
      return {
        findings: [...missed, ...findings.slice(0, 200)],
        evidence: evidenceOf(findings, describeFiles(files.length, skipped)),
      }
    },
  }
}

function describeFiles(count: number, skipped: readonly string[]): string {
  const named = skipped.slice(0, MAX_SKIPPED_NAMES).join(', ')
  const more = skipped.length > MAX_SKIPPED_NAMES ? ' and others' : ''
  return `${count} source files${named && ` (without ${named}${more})`}`
}

function evidenceOf(findings: readonly Finding[], files: string): Evidence[] {
  const has = (...codes: Code[]): boolean => findings.some(({ code }) => (codes as string[]).includes(code))
  const evidence: Evidence[] = []
  if (!has('DATABASE_DRIVER', 'DATABASE_CREDENTIAL'))
    evidence.push({ item: 3, text: `${files} import no database driver and read no database credential` })
  if (!has('ENVIRONMENT_PASSED_ON', 'TOKEN_LOGGED'))
    evidence.push({ item: 4, text: `${files} pass no environment to child processes and log no credential` })
  if (!has('SHELL_RUN', 'CODE_EVALUATED'))
    evidence.push({ item: 2, text: `${files} run no shell and evaluate no text as code` })
  return evidence
}

function driversIn({ name, text }: { name: string; text: string }): Finding[] {
  const named = name.endsWith('.json') ? dependenciesOf(text) : (text.toLowerCase().match(/^[\s"']*[\w-]+/gm) ?? [])
  const found = named.map(each => each.replace(/[\s"']/g, '')).filter(each => DRIVERS.includes(each))
  return [...new Set(found)].map(each => finding('DATABASE_DRIVER', name, `depends on ${each}`))
}

/** Runtime dependencies only: development tools may need a database. */
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
  // A match that starts inside a string is not an import.
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
  for (const [code, pattern] of IN_CODE_WITH_STRINGS)
    for (const { 0: text, index } of file.withStrings.matchAll(pattern)) add(code, index, text)
  for (const { 1: caller = '', 2: inner = '', index } of file.withStrings.matchAll(TEMPLATE))
    if (insertsRaw(inner, file.withStrings)) add('ADDRESS_INTERPOLATED', index, `${caller} with a template literal`)
  for (const { 1: name = '', 2: inner = '', index } of file.withStrings.matchAll(ADDRESS))
    if (insertsRaw(inner, file.withStrings))
      add('ADDRESS_INTERPOLATED', index, `${name} is built from a template literal`)
  for (const { groups, index } of file.withStrings.matchAll(OPENS_FILE))
    if (isFromCaller(groups?.inserted ?? groups?.joined ?? '', file.withStrings))
      add('PATH_INTERPOLATED', index, 'a path is built from a caller’s value')
  return findings
}

/**
 * Whether a template inserts an unencoded value after the host of a URL. Constants and configured base URLs do not
 * count.
 */
function insertsRaw(template: string, text: string): boolean {
  return [...template.matchAll(/\$\{([^}]*)\}/g)].some(({ 1: inner = '', index }) => {
    const isBeginning = index === 0 || /^\w+:\/\/$/.test(template.slice(0, index))
    const isConstant =
      /(?:^|\.)[A-Z][A-Z0-9_]*$/.test(inner.trim()) || /\b(?:base\w*|origin|host|port|api_?url)$/i.test(inner.trim())
    return !isBeginning && !isConstant && !ENCODED.test(inner) && !isCounter(inner.trim(), text)
  })
}

function isFromCaller(inner: string, text: string): boolean {
  return inner.split(',').some(part => FROM_CALLER.test(part) && !isEntry(part.trim(), text))
}

/** A counter such as `let page = 1`. */
function isCounter(name: string, text: string): boolean {
  return /^[a-zA-Z]\w*$/.test(name) && new RegExp(`\\blet ${name} = \\d+\\b`).test(text)
}

/** A directory entry that the server read itself. */
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
  return { code, message: `${sanitize(place, 120)}: ${sanitize(what, 80)}` }
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** The environment variables with secrets that the source code reads by name. */
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
