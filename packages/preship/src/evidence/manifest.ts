import { readFileSync } from 'node:fs'
import * as z from 'zod'
import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { Surface } from '../surface.ts'
import type { EvidenceSource } from './evidence-source.ts'
import { secretsReadIn } from './source-tree.ts'

export const MANIFEST_KINDS = {
  TOOL_OUTSIDE_CONCERN: {
    item: 7,
    severity: 'error',
    title: 'a tool is not part of what the server is declared to be for',
    why: 'Tools of one server share a process, a credential and an owner: one that belongs elsewhere widens what all of them can do.',
    narrow: 'Move it to a server of its own, or declare it where it is reviewed.',
  },
  TOOL_DECLARED_MISSING: {
    item: 7,
    severity: 'warning',
    title: 'a declared tool is not there',
    why: 'What was reviewed is not what runs.',
    narrow: 'Bring the declaration up to date.',
  },
  CONCERN_DOUBTFUL: {
    item: 7,
    severity: 'warning',
    title: 'a tool has no word in common with the declared concern',
    why: 'It may belong to another server.',
    narrow: 'Name the concern in the words that its tools use, or list the tools.',
  },
  BACKEND_UNAUTHENTICATED: {
    item: 3,
    severity: 'error',
    title: 'the backend is declared to authenticate nobody',
    why: 'Then the server is the only wall, and whoever gets past it has everything.',
    narrow: 'Put the checks where the data is: a backend that knows who calls.',
  },
  BACKEND_IS_DATABASE: {
    item: 3,
    severity: 'error',
    title: 'the declared backend is a database',
    why: 'A database knows users of its own, not what a caller may do.',
    narrow: 'Go through an API that authenticates, validates and limits.',
  },
  BACKEND_NOT_TLS: {
    item: 3,
    severity: 'error',
    title: 'the declared backend is reached without TLS',
    why: 'The credential can be read on the way.',
    narrow: 'Name it by an https address; plain http on loopback only.',
  },
  CREDENTIAL_UNDECLARED: {
    item: 4,
    severity: 'error',
    title: 'the source reads a secret that is not declared',
    why: 'What it opens was reviewed by nobody.',
    narrow: 'Declare it with its scopes and operations, or stop reading it.',
  },
  CREDENTIAL_UNUSED: {
    item: 4,
    severity: 'warning',
    title: 'a declared credential is read nowhere',
    why: 'A credential that nobody needs is one that somebody can lose.',
    narrow: 'Take it away from the server and from the declaration.',
  },
  CREDENTIAL_WIDE: {
    item: 4,
    severity: 'error',
    title: 'a credential can do everything',
    why: 'Its worst case is the backend’s, not that of the tools.',
    narrow: 'Ask the backend for a credential with the scopes of the declared operations alone.',
  },
  CREDENTIAL_SCOPES_UNKNOWN: {
    item: 4,
    severity: 'warning',
    title: 'it is not declared what a credential can do',
    why: 'Least scope cannot be judged.',
    narrow: 'List its scopes and the operations that they are for.',
  },
  CREDENTIAL_BEYOND_TOOLS: {
    item: 4,
    severity: 'error',
    title: 'a credential may change or delete what no tool does',
    why: 'What no tool needs is there for whoever takes the server over.',
    narrow: 'Drop the scope; where the backend knows no narrower one, say so and pin the endpoints.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof MANIFEST_KINDS

const Words = z.array(z.string().min(1).max(200)).max(100)

/** What a team says of its server: `preship.json`. */
export const Manifest = z.strictObject({
  /** What the server is for, in a sentence. */
  concern: z.string().min(3).max(500),
  /** All of its tools; if it is left out, they are compared with the concern by their words. */
  tools: Words.optional(),
  backend: z.strictObject({ api: z.string().min(1).max(2000), authenticated: z.boolean() }).optional(),
  credentials: z
    .array(z.strictObject({ name: z.string().min(1).max(200), scopes: Words, operations: Words }))
    .max(50)
    .optional(),
  /** Secrets that open nothing elsewhere: keys of the audit log, of sealed states. */
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
  /** Arguments that work, by tool: so that probes have something to spoil. */
  examples: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
})
export type Manifest = z.infer<typeof Manifest>

/** @throws {Error} whose message lists what is wrong with it */
export function readManifest(file: string): Manifest {
  const parsed = Manifest.safeParse(jsonIn(file))
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`)
  throw new Error(`${file} is no manifest: ${faults.join('; ')}`)
}

function jsonIn(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${file} is not JSON`)
  }
}

/** Compares what is declared with what the server shows and, if it is there, with what its source reads. */
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
        void findings.push({ code, message, ...(tool !== undefined && { tool: plain(tool, 80) }) })
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
      find('TOOL_OUTSIDE_CONCERN', 'it is listed by the server and not declared', name)
    if (named.length === 0) return
    for (const name of tools.filter(each => !named.includes(each)))
      find('TOOL_DECLARED_MISSING', 'it is declared and not listed by the server', name)
    return
  }
  const words = wordsOf(concern)
  for (const { name, description } of surface.tools)
    if (![...wordsOf(`${name} ${description}`)].some(word => words.has(word)))
      find('CONCERN_DOUBTFUL', `nothing in it is about “${plain(concern, 80)}”`, name)
}

const EMPTY_WORDS = new Set(
  'a an the of to in on for and or by with from one all its it is get set list read this that'.split(' '),
)

/** Words without their endings: `tickets` and `ticket` are one. */
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
  return new Set(stems.filter(word => word.length > 2 && !EMPTY_WORDS.has(word)))
}

function judgeBackend({ backend }: Manifest, find: Find): void {
  if (!backend) return
  if (!backend.authenticated) find('BACKEND_UNAUTHENTICATED', `of ${plain(withoutUser(backend.api), 120)}`)
  if (/^(?:jdbc:|(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|sqlite|redis|file|mssql):)/i.test(backend.api))
    find('BACKEND_IS_DATABASE', plain(withoutUser(backend.api), 120))
  else if (/^http:\/\/(?!localhost\b|127\.|\[::1\])/i.test(backend.api))
    find('BACKEND_NOT_TLS', plain(withoutUser(backend.api), 120))
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
  const isReading = tools.length > 0 && tools.every(({ annotations }) => annotations.readOnlyHint === true)
  const deletes = tools.some(({ name, description }) =>
    DELETES.test(`${name.replace(/([A-Z])/g, ' $1')} ${description}`),
  )
  for (const { name, scopes, operations } of credentials) {
    const shown = plain(name, 80)
    for (const scope of scopes.filter(each => WIDE.test(each))) find('CREDENTIAL_WIDE', `${shown}: ${plain(scope, 80)}`)
    if (scopes.length === 0 || operations.length === 0) find('CREDENTIAL_SCOPES_UNKNOWN', shown)
    const beyond = [...scopes, ...operations].find(
      each => (isReading && CHANGES.test(each)) || (tools.length > 0 && !deletes && DELETES.test(each)),
    )
    if (beyond !== undefined) find('CREDENTIAL_BEYOND_TOOLS', `${shown}: ${plain(beyond, 80)}`)
  }
  if (source === undefined) return
  const read = secretsReadIn(source)
  const declared = [...credentials.map(({ name }) => name), ...ownKeys]
  for (const name of read.filter(each => !declared.includes(each))) find('CREDENTIAL_UNDECLARED', plain(name, 80))
  if (read.length === 0) return
  for (const { name } of credentials.filter(each => !read.includes(each.name)))
    find('CREDENTIAL_UNUSED', plain(name, 80))
}

function evidenceOf({ concern, tools, backend, credentials = [] }: Manifest, findings: readonly Finding[]): Evidence[] {
  const isClean = (item: number): boolean => !findings.some(({ code }) => MANIFEST_KINDS[code as Code].item === item)
  const evidence: Evidence[] = []
  if (isClean(7))
    evidence.push({
      item: 7,
      text: `${tools ? 'exactly the declared tools' : 'all tools'} are for “${plain(concern, 120)}”`,
    })
  if (backend && isClean(3))
    evidence.push({ item: 3, text: `declared: ${plain(backend.api, 120)} authenticates its callers` })
  for (const { name, scopes } of isClean(4) ? credentials : [])
    evidence.push({ item: 4, text: `declared: ${plain(name, 80)} has ${plain(scopes.join(', '), 120)}` })
  return evidence
}
