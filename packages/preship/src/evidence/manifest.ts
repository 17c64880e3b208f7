import { readFileSync } from 'node:fs'
import * as z from 'zod'
import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { Surface } from '../surface.ts'
import type { EvidenceSource } from './evidence-source.ts'
import { secretsReadIn } from './source-tree.ts'

export const MANIFEST_KINDS = {
  TOOL_OUTSIDE_CONCERN: {
    item: 7,
    severity: 'error',
    title: 'Tool is not declared in the manifest',
    why: 'The tools of one server share a process, a credential and an owner, so an unrelated tool widens what all of them can do.',
    narrow: 'Move it to a server of its own, or declare it in the manifest and have it reviewed.',
  },
  TOOL_DECLARED_MISSING: {
    item: 7,
    severity: 'warning',
    title: 'Declared tool does not exist',
    why: 'The manifest that was reviewed does not match the running server.',
    narrow: 'Update the manifest.',
  },
  CONCERN_DOUBTFUL: {
    item: 7,
    severity: 'warning',
    title: 'Tool seems unrelated to the declared purpose',
    why: 'Its name and description share no word with the manifest’s concern, so it may belong to another server.',
    narrow: 'Describe the concern in the words that its tools use, or list the tools in the manifest.',
  },
  BACKEND_UNAUTHENTICATED: {
    item: 3,
    severity: 'error',
    title: 'Declared backend does not authenticate callers',
    why: 'The server is then the only protection. Anyone who bypasses it can access everything.',
    narrow: 'Use a backend that authenticates and authorizes its callers.',
  },
  BACKEND_IS_DATABASE: {
    item: 3,
    severity: 'error',
    title: 'Declared backend is a database',
    why: 'A database knows its own users, but not what each caller is allowed to do.',
    narrow: 'Use an API that authenticates callers, validates requests and limits rates.',
  },
  BACKEND_NOT_TLS: {
    item: 3,
    severity: 'error',
    title: 'Declared backend is reached without TLS',
    why: 'The credential can be read in transit.',
    narrow: 'Use an https URL. Use plain http on loopback only.',
  },
  CREDENTIAL_UNDECLARED: {
    item: 4,
    severity: 'error',
    title: 'Source code reads a secret that is not declared',
    why: 'Nobody has reviewed what this secret gives access to.',
    narrow: 'Declare it with its scopes and operations, or stop reading it.',
  },
  CREDENTIAL_UNUSED: {
    item: 4,
    severity: 'warning',
    title: 'Declared credential is not used',
    why: 'A credential that nobody needs can still leak (least privilege).',
    narrow: 'Remove it from the server and from the manifest.',
  },
  CREDENTIAL_WIDE: {
    item: 4,
    severity: 'error',
    title: 'Credential has unlimited scope',
    why: 'An attacker who compromises the server can do everything that the backend allows, not just what the tools do (least privilege).',
    narrow: 'Request a credential with only the scopes that the declared operations need.',
  },
  CREDENTIAL_SCOPES_UNKNOWN: {
    item: 4,
    severity: 'warning',
    title: 'Scopes of a credential are not declared',
    why: 'It cannot be judged whether the credential follows least privilege.',
    narrow: 'List its scopes and the operations that need them.',
  },
  CREDENTIAL_BEYOND_TOOLS: {
    item: 4,
    severity: 'error',
    title: 'Credential allows changes or deletions that no tool makes',
    why: 'An attacker who compromises the server gets permissions that no tool needs (least privilege).',
    narrow:
      'Remove the scope. If the backend has no narrower one, document that and restrict the endpoints in the server.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof MANIFEST_KINDS

const Words = z.array(z.string().min(1).max(200)).max(100)

/** What the owners of a server declare about it: `preship.json`. */
export const Manifest = z.strictObject({
  /** The purpose of the server, in one sentence. */
  concern: z.string().min(3).max(500),
  /** All of its tools. Without this list, the words of each tool are compared with the concern. */
  tools: Words.optional(),
  backend: z.strictObject({ api: z.string().min(1).max(2000), authenticated: z.boolean() }).optional(),
  credentials: z
    .array(z.strictObject({ name: z.string().min(1).max(200), scopes: Words, operations: Words }))
    .max(50)
    .optional(),
  /** Secrets that give no access to other systems, such as keys of the audit log or of signed states. */
  ownKeys: Words.optional(),
  audit: z
    .strictObject({
      file: z.string().max(4000).optional(),
      fields: z
        .strictObject({ time: Words, tool: Words, arguments: Words, end: Words, caller: Words, trace: Words })
        .partial()
        .optional(),
    })
    .optional(),
  /** Valid arguments by tool, for probes to modify. */
  examples: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
})
export type Manifest = z.infer<typeof Manifest>

/** Reads a manifest. @throws {Error} with a message that lists what is invalid */
export function readManifest(file: string): Manifest {
  const parsed = Manifest.safeParse(jsonIn(file))
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'manifest'}: ${message}`)
  throw new Error(`${file} is not a valid manifest: ${faults.join('; ')}`)
}

function jsonIn(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${file} is not JSON`)
  }
}

/**
 * Compares the manifest with the tools that the server lists and, if given, with the secrets that its source code
 * reads.
 */
export function manifestEvidence(manifest: Manifest, source?: string): EvidenceSource {
  return {
    items: [
      7,
      ...(manifest.backend ? ([3] as const) : []),
      ...(manifest.credentials && manifest.credentials.length > 0 ? ([4] as const) : []),
    ],
    judge(surface): Result {
      const findings: Finding[] = []
      const find = (code: Code, message: string, tool?: string): void =>
        void findings.push({ code, message, ...(tool !== undefined && { tool: sanitize(tool, 80) }) })
      judgeConcern(manifest, surface, find)
      judgeBackend(manifest, find)
      judgeCredentials(manifest, surface, source, find)
      return { findings, evidence: evidenceOf(manifest, findings) }
    },
  }
}

type Find = (code: Code, message: string, tool?: string) => void

function judgeConcern({ concern, tools }: Manifest, surface: Surface, find: Find): void {
  const named = surface.tools.map(({ name }) => name)
  if (tools) {
    for (const name of named.filter(each => !tools.includes(each)))
      find('TOOL_OUTSIDE_CONCERN', 'the server lists it, but the manifest does not declare it', name)
    if (named.length === 0) return
    for (const name of tools.filter(each => !named.includes(each)))
      find('TOOL_DECLARED_MISSING', 'the manifest declares it, but the server does not list it', name)
    return
  }
  const words = wordsOf(concern)
  for (const { name, description } of surface.tools)
    if (![...wordsOf(`${name} ${description}`)].some(word => words.has(word)))
      find('CONCERN_DOUBTFUL', `it shares no word with “${sanitize(concern, 80)}”`, name)
}

const STOP_WORDS = new Set(
  'a an the of to in on for and or by with from one all its it is get set list read this that'.split(' '),
)

/** The stems of the words, so that `tickets` and `ticket` match. */
function wordsOf(text: string): Set<string> {
  const words =
    text
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .match(/[\p{L}]+/gu) ?? []
  const stems = words.map(word =>
    word
      .replace(/ies$/, 'y')
      .replace(/(?:ing|ed|s)$/, '')
      .replace(/e$/, ''),
  )
  return new Set(stems.filter(word => word.length > 2 && !STOP_WORDS.has(word)))
}

function judgeBackend({ backend }: Manifest, find: Find): void {
  if (!backend) return
  if (!backend.authenticated) find('BACKEND_UNAUTHENTICATED', sanitize(withoutUser(backend.api), 120))
  if (/^(?:jdbc:|(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|sqlite|redis|file|mssql):)/i.test(backend.api))
    find('BACKEND_IS_DATABASE', sanitize(withoutUser(backend.api), 120))
  else if (/^http:\/\/(?!localhost\b|127\.|\[::1\])/i.test(backend.api))
    find('BACKEND_NOT_TLS', sanitize(withoutUser(backend.api), 120))
}

function withoutUser(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//')
}

const WIDE = /^(?:\*|.*:\*|.*[.:/]all|all|admin|root|owner|superuser|full[_-]?access|api|repo|.*[.:/]admin)$/i
const CHANGES =
  /\b(?:delete|remove|destroy|purge|drop|write|update|create|edit|publish|manage)\b|:(?:delete|write|update|create|manage)$|^(?:POST|PUT|PATCH|DELETE)\b/i
const DELETES = /\b(?:delete|remove|destroy|purge|drop)\b/i

function judgeCredentials(manifest: Manifest, surface: Surface, source: string | undefined, find: Find): void {
  const { credentials, ownKeys = [] } = manifest
  if (!credentials) return
  const tools = surface.tools
  const isReadOnly = tools.length > 0 && tools.every(({ annotations }) => annotations.readOnlyHint === true)
  const deletes = tools.some(({ name, description }) =>
    DELETES.test(`${name.replace(/([A-Z])/g, ' $1')} ${description}`),
  )
  for (const { name, scopes, operations } of credentials) {
    const shown = sanitize(name, 80)
    for (const scope of scopes.filter(each => WIDE.test(each)))
      find('CREDENTIAL_WIDE', `${shown}: ${sanitize(scope, 80)}`)
    if (scopes.length === 0 || operations.length === 0) find('CREDENTIAL_SCOPES_UNKNOWN', shown)
    const beyond = [...scopes, ...operations].find(
      each => (isReadOnly && CHANGES.test(each)) || (tools.length > 0 && !deletes && DELETES.test(each)),
    )
    if (beyond !== undefined) find('CREDENTIAL_BEYOND_TOOLS', `${shown}: ${sanitize(beyond, 80)}`)
  }
  if (source === undefined) return
  const read = secretsReadIn(source)
  const declared = [...credentials.map(({ name }) => name), ...ownKeys]
  for (const name of read.filter(each => !declared.includes(each))) find('CREDENTIAL_UNDECLARED', sanitize(name, 80))
  if (read.length === 0) return
  for (const { name } of credentials.filter(each => !read.includes(each.name)))
    find('CREDENTIAL_UNUSED', sanitize(name, 80))
}

function evidenceOf({ concern, tools, backend, credentials = [] }: Manifest, findings: readonly Finding[]): Evidence[] {
  const isClean = (item: number): boolean => !findings.some(({ code }) => MANIFEST_KINDS[code as Code].item === item)
  const evidence: Evidence[] = []
  if (isClean(7))
    evidence.push({
      item: 7,
      text: tools
        ? `the server lists exactly the tools that are declared for “${sanitize(concern, 120)}”`
        : `all tools match the declared purpose “${sanitize(concern, 120)}”`,
    })
  if (backend && isClean(3))
    evidence.push({ item: 3, text: `declared: ${sanitize(backend.api, 120)} authenticates its callers` })
  for (const { name, scopes } of isClean(4) ? credentials : [])
    evidence.push({
      item: 4,
      text: `declared: ${sanitize(name, 80)} has the scopes ${sanitize(scopes.join(', '), 120)}`,
    })
  return evidence
}
