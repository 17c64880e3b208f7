import { DEFAULT_ADDRESS } from './command-line.ts'
import { AUDIT_KEY, commonSettings, REMOTE_SETTINGS } from './common-variables.ts'
import type { SecretVariable, Variable } from './variable.ts'

/** What `--help` has to know of a server. */
export interface Described {
  readonly name: string
  readonly version: string
  /** Completes the sentence “an MCP server that …”. */
  readonly purpose: string
  readonly settings: { readonly variables: Readonly<Record<string, Variable>> }
  readonly credential: SecretVariable
  /** What the credential must be allowed. */
  readonly scopes: readonly string[]
  readonly writes?: { readonly remoteVariables: readonly SecretVariable[] }
}

/** A variable as a person reads of it. */
export interface VariableRow {
  readonly name: string
  readonly about: string
  /** `required`, `default: 10000`, or what holds while it is unset. */
  readonly unset: string
}

export interface VariableGroups {
  readonly own: readonly VariableRow[]
  readonly common: readonly VariableRow[]
  /** What matters to remote clients alone. */
  readonly remote: readonly VariableRow[]
  /** The same, for servers that write. */
  readonly remoteWrites: readonly VariableRow[]
}

/** Every variable of a server, from the declarations that its settings are read by. */
export function variablesOf({ name, settings, credential, scopes, writes }: Described): VariableGroups {
  const { auditFile, auditHeadFile, logLevel } = commonSettings(name).variables
  const key = { ...credential, about: `${credential.about}; it needs ${scopes.join(', ')} and nothing else` }
  const [first, ...others] = Object.values(settings.variables).map(rowOf)
  return {
    // The key stands beside the URL that it is for.
    own: [...(first ? [first] : []), rowOf(key), ...others],
    common: [auditFile, AUDIT_KEY, auditHeadFile, logLevel].map(rowOf),
    remote: Object.values<Variable>(REMOTE_SETTINGS.variables).map(rowOf),
    remoteWrites: (writes?.remoteVariables ?? []).map(rowOf),
  }
}

export function helpOf(server: Described): string {
  const { name, version, purpose } = server
  const { own, common, remote, remoteWrites } = variablesOf(server)
  const { host, port } = DEFAULT_ADDRESS
  const usage = columns([
    [name, 'serve one MCP client over standard input and output'],
    [`${name} http`, 'serve remote clients over HTTP'],
    ['    --port N', `the port to listen at; 0 takes any free port (default: ${port})`],
    ['    --host H', `the address to listen at (default: ${host})`],
    [`${name} check`, 'report whether the configuration, the audit log and the backend work'],
    [`${name} --version`, ''],
    [`${name} --help`, ''],
  ])
  const variables = (rows: readonly VariableRow[]): string =>
    columns(rows.map(row => [row.name, `${row.about} (${row.unset})`]))
  return `${name} ${version}: an MCP server that ${purpose}.

Usage:
${usage}
Environment variables (a secret X can also be given as X_FILE, the name of a file that holds it):
${variables(own)}
${variables(common)}
To serve remote clients, AUDIT_FILE and AUDIT_KEY are required, and:
${variables([...remote, ...remoteWrites])}`
}

const NAME_COLUMNS = 27
const TEXT_COLUMNS = 80

/** Names in one column, and their texts, wrapped between words, in the next. */
function columns(rows: readonly (readonly [name: string, text: string])[]): string {
  return rows
    .map(([name, text]) => {
      const [first = '', ...others] = wrapped(text)
      return [`  ${name.padEnd(NAME_COLUMNS - 1)} ${first}`, ...others.map(line => ' '.repeat(NAME_COLUMNS + 2) + line)]
        .map(line => `${line.trimEnd()}\n`)
        .join('')
    })
    .join('')
}

function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < TEXT_COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function rowOf({ name, about, unset, ...more }: Variable | SecretVariable): VariableRow {
  if ('default' in more && more.default !== undefined) return { name, about, unset: `default: ${more.default}` }
  return { name, about, unset: unset ?? 'required' }
}
