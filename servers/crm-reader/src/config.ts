import { homedir, platform } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import * as z from 'zod'

/** What can be allowed to be read of a customer; what is not here cannot be configured either. */
export const FIELDS = ['id', 'name', 'company', 'email', 'phone', 'country', 'plan', 'since'] as const
export type Field = (typeof FIELDS)[number]

/** Settings that are no secret. */
export interface Config {
  readonly backend: 'rest'
  /** Where the backend's API begins; no trailing slash. */
  readonly apiUrl: URL
  /** For one whole call, in milliseconds. */
  readonly apiTimeoutMs: number
  /** What may be passed on of a customer. */
  readonly fields: readonly Field[]
  /** Unset: in the state folder. */
  readonly auditFile: string | undefined
  readonly auditHeadFile: string | undefined
  readonly remote: Remote
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
}

/** What matters to remote callers alone. */
export interface Remote {
  /** Unset: nobody is asked for a token, which is for this machine alone. */
  readonly oauth: OAuth | undefined
  /** Unset: the public URL's, and this machine's where only it can reach us. The same goes for the origins. */
  readonly allowedHosts: readonly string[] | undefined
  readonly allowedOrigins: readonly string[] | undefined
}

/** Who lets callers in, and what for. */
export interface OAuth {
  /** This server as its callers know it. */
  readonly url: string
  /** Letter by letter as it was given: that is how it stands in a token. */
  readonly issuer: string
  readonly audience: readonly string[]
}

/** Everything that is wrong with the settings, a line each. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

const AbsolutePath = z.string().refine(isAbsolute, 'must be an absolute path')

const SafeUrl = z.string('is required').superRefine((text, context) => {
  const problem = problemOfUrl(text)
  if (problem) context.addIssue(problem)
})

/** Clients make one spelling of it before they ask for a token: under another one, no token would be for this server. */
const PublicUrl = SafeUrl.refine(
  text => !URL.canParse(text) || [text, `${text}/`].includes(new URL(text).href),
  'must be spelled as clients will: the host in lower case, no port that goes without saying, nothing to resolve or escape',
)

/** Words between commas, each of one form. */
const list = (form: RegExp, example: string) =>
  z
    .string()
    .transform(text => text.split(',').map(item => item.trim().toLowerCase()))
    .refine(items => items.every(item => form.test(item)), `must be a list of the form ${example}`)

const HOST = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/

const Variables = z.object({
  CRM_BACKEND: z.enum(['rest']).default('rest'),
  CRM_API_URL: SafeUrl.transform(text => new URL(text)),
  CRM_API_TIMEOUT_MS: z.coerce.number('must be a number').int().min(100).max(600_000).default(10_000),
  CRM_FIELDS: z
    .string()
    .default('id,name,company,email,plan,since')
    .transform(list => list.split(',').map(field => field.trim()))
    .pipe(z.array(z.enum(FIELDS)).refine(fields => fields.includes('id'), 'must have id among them')),
  AUDIT_FILE: AbsolutePath.optional(),
  AUDIT_HEAD_FILE: AbsolutePath.optional(),
  MCP_PUBLIC_URL: PublicUrl.optional(),
  OAUTH_ISSUER: SafeUrl.optional(),
  OAUTH_AUDIENCE: z.string().max(2048).optional(),
  MCP_ALLOWED_HOSTS: list(HOST, 'host,host:port').optional(),
  MCP_ALLOWED_ORIGINS: list(ORIGIN, 'https://host,https://host:port').optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})

/**
 * Reads the settings.
 *
 * @throws {ConfigError} with every problem there is
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  // An empty variable is an unset one: that is how many clients write "no value".
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = Variables.safeParse(given)
  const issues = parsed.error?.issues.map(issue => `${String(issue.path[0])} ${problemOf(issue)}`) ?? []
  const problems = new Set([...issues, ...contradictions(given)])
  if (!parsed.success || problems.size > 0) throw new ConfigError([...problems].join('\n'))
  const { data } = parsed
  return Object.freeze({
    backend: data.CRM_BACKEND,
    apiUrl: data.CRM_API_URL,
    apiTimeoutMs: data.CRM_API_TIMEOUT_MS,
    fields: data.CRM_FIELDS,
    auditFile: data.AUDIT_FILE,
    auditHeadFile: data.AUDIT_HEAD_FILE,
    remote: remoteOf(data),
    logLevel: data.LOG_LEVEL,
  })
}

function remoteOf(data: z.infer<typeof Variables>): Remote {
  const { MCP_PUBLIC_URL: url, OAUTH_ISSUER: issuer } = data
  const audience = data.OAUTH_AUDIENCE ?? url ?? ''
  return {
    // One URL can be written with a slash after the host, or without.
    oauth: url && issuer ? { url, issuer, audience: [...new Set([audience, spelledOtherwise(audience)])] } : undefined,
    allowedHosts: data.MCP_ALLOWED_HOSTS,
    allowedOrigins: data.MCP_ALLOWED_ORIGINS,
  }
}

function spelledOtherwise(audience: string): string {
  const [origin] = /^https?:\/\/[^/]+(?=\/?$)/.exec(audience) ?? []
  return origin === undefined ? audience : audience === origin ? `${origin}/` : origin
}

/** What else has to be set before remote callers can be served at `host`. @throws {ConfigError} */
export function assertRemote(host: string, environment: NodeJS.ProcessEnv = process.env): void {
  const problems: string[] = []
  if (!isLoopback(host) && !environment.OAUTH_ISSUER)
    problems.push(`OAUTH_ISSUER and MCP_PUBLIC_URL are required to listen at ${host}, where others can call`)
  if (!environment.AUDIT_FILE) problems.push('AUDIT_FILE is required to serve remote callers')
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
}

/** What is well-formed by itself, but not together. */
function contradictions(given: NodeJS.ProcessEnv): string[] {
  const problems: string[] = []
  const auditFile = given.AUDIT_FILE ?? join(stateFolder(given), 'audit.jsonl')
  if (given.AUDIT_HEAD_FILE && resolve(given.AUDIT_HEAD_FILE) === resolve(auditFile))
    problems.push('AUDIT_HEAD_FILE must not be the audit file itself')
  if (Boolean(given.OAUTH_ISSUER) !== Boolean(given.MCP_PUBLIC_URL))
    problems.push('OAUTH_ISSUER and MCP_PUBLIC_URL go together: give both or neither')
  if (!given.OAUTH_ISSUER)
    for (const name of ['MCP_ALLOWED_HOSTS', 'MCP_ALLOWED_ORIGINS'] as const)
      if ((given[name] ?? '').split(',').some(item => item.trim() !== '' && !isLoopback(hostnameOf(item.trim()))))
        problems.push(`${name} names others than this machine: OAUTH_ISSUER and MCP_PUBLIC_URL are required then`)
  if (given.OAUTH_AUDIENCE && !given.OAUTH_ISSUER) problems.push('OAUTH_AUDIENCE is of no use without OAUTH_ISSUER')
  return problems
}

/** Where this server keeps its own files if it is not told. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base =
    environment.XDG_STATE_HOME ??
    (platform() === 'win32' && environment.LOCALAPPDATA ? environment.LOCALAPPDATA : join(homedir(), '.local', 'state'))
  return join(base, 'narrow-deputies', 'crm-reader')
}

function problemOfUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http or https URL'
  if (url.username || url.password) return 'must not hold a credential'
  if (url.search || url.hash) return 'must not have a query or a fragment'
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return 'must be https: over http the credential could be read on the way'
  return undefined
}

/** Of a host, or of an origin. */
function hostnameOf(place: string): string {
  return place.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').replace(/:\d+$/, '')
}

/** Whether only this machine can reach what goes by that name. */
export function isLoopback(hostname: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(hostname) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of: ${issue.values.join(', ')}`
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid')) return `must be a ${issue.expected}`
  return issue.message
}
