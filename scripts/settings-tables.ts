import { REST_SCOPES as BLOG_SCOPES } from '../servers/blog-publisher/src/backends/rest.ts'
import * as blog from '../servers/blog-publisher/src/config.ts'
import { type Described, variablesOf } from '../servers/blog-publisher/src/vendored/setup/index.ts'
import { confirmWrites } from '../servers/blog-publisher/src/vendored/setup/writes/index.ts'
import { REST_SCOPES as CRM_SCOPES } from '../servers/crm-reader/src/backends/rest.ts'
import * as crm from '../servers/crm-reader/src/config.ts'
import { REST_SCOPES as TICKET_SCOPES } from '../servers/ticket-handler/src/backends/rest.ts'
import * as ticket from '../servers/ticket-handler/src/config.ts'

type Row = ReturnType<typeof variablesOf>['own'][number]

const UNNAMED = { version: '', purpose: '' }
const SERVERS: readonly Described[] = [
  { ...UNNAMED, name: 'blog-publisher', settings: blog.settings, credential: blog.apiKey, scopes: BLOG_SCOPES },
  { ...UNNAMED, name: 'crm-reader', settings: crm.settings, credential: crm.apiKey, scopes: CRM_SCOPES },
  { ...UNNAMED, name: 'ticket-handler', settings: ticket.settings, credential: ticket.apiKey, scopes: TICKET_SCOPES },
]

/** Creates a table for each server and the tables for all servers, from the declarations of the settings. */
export function settingsTables(): string {
  const [first] = SERVERS
  if (!first) throw new Error('there are no servers')
  const { common, remote, remoteWrites } = variablesOf({ ...first, writes: confirmWrites(() => true) })
  return [
    ...SERVERS.map(server => `### ${server.name}\n\n${table(variablesOf(server).own)}`),
    `### Every server\n\n${table(common)}`,
    `### Every server, to serve remote clients\n\n${table(remote)}`,
    `### Servers that write, to serve remote clients\n\n${table(remoteWrites)}`,
  ].join('\n')
}

/** Creates a table with the names of the required and the optional variables of each server. */
export function settingsOverview(): string {
  const [first] = SERVERS
  if (!first) throw new Error('there are no servers')
  const { common, remote, remoteWrites } = variablesOf({ ...first, writes: confirmWrites(() => true) })
  const row = (title: string, rows: readonly Row[]): string => {
    const isRequired = ({ unset }: Row): boolean => unset === 'required'
    const names = (of: readonly Row[]): string => of.map(({ name }) => `\`${name}\``).join(', ') || '–'
    return `| ${title} | ${names(rows.filter(isRequired))} | ${names(rows.filter(each => !isRequired(each)))} |`
  }
  return [
    '| server | required | optional |',
    '|---|---|---|',
    ...SERVERS.map(server => row(server.name, variablesOf(server).own)),
    row('every server', common),
    row('every server, remote', remote),
    row('servers that write, remote', remoteWrites),
    '',
  ].join('\n')
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ name, about, unset }) => `| \`${name}\` | ${about} | ${unset} |`)
  return ['| variable | meaning | if not set |', '|---|---|---|', ...lines, ''].join('\n')
}
