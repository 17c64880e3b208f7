import { homedir, platform } from 'node:os'
import { isAbsolute, join } from 'node:path'
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
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
}

/** Everything that is wrong with the settings, a line each. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

const AbsolutePath = z.string().refine(isAbsolute, 'must be an absolute path')

const Variables = z.object({
  CRM_BACKEND: z.enum(['rest']).default('rest'),
  CRM_API_URL: z
    .string('is required')
    .superRefine((text, context) => {
      const problem = problemOfUrl(text)
      if (problem) context.addIssue(problem)
    })
    .transform(text => new URL(text)),
  CRM_API_TIMEOUT_MS: z.coerce.number('must be a number').int().min(100).max(600_000).default(10_000),
  CRM_FIELDS: z
    .string()
    .default('id,name,company,email,plan,since')
    .transform(list => list.split(',').map(field => field.trim()))
    .pipe(z.array(z.enum(FIELDS)).refine(fields => fields.includes('id'), 'must have id among them')),
  AUDIT_FILE: AbsolutePath.optional(),
  AUDIT_HEAD_FILE: AbsolutePath.optional(),
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
    logLevel: data.LOG_LEVEL,
  })
}

/** What is well-formed by itself, but not together. */
function contradictions(given: NodeJS.ProcessEnv): string[] {
  const problems: string[] = []
  if (given.AUDIT_HEAD_FILE && given.AUDIT_HEAD_FILE === given.AUDIT_FILE)
    problems.push('AUDIT_HEAD_FILE must not be the audit file itself')
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

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of: ${issue.values.join(', ')}`
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid')) return `must be a ${issue.expected}`
  return issue.message
}
