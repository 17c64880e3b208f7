import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import { objectOf } from '../surface.ts'
import { attempt } from './attempt.ts'
import { type Baseline, baselinesOf, works } from './baseline.ts'
import type { ProbeContext } from './probe.ts'

export const INJECTION_KINDS = {
  FILE_CONTENT_RETURNED: {
    item: 2,
    severity: 'error',
    title: 'Tool reads a file outside its folder (path traversal)',
    why: 'A path in an argument leads out of the intended folder, so keys, configuration and other people’s files can be read.',
    narrow:
      'Take a bare file name instead of a path, look it up among the folder’s entries, and open it once without following links.',
  },
  VALUE_NOT_WHOLE: {
    item: 2,
    severity: 'error',
    title: 'Modified id leads to the same record (URL injection)',
    why: 'The value is inserted into a URL without encoding. With “?”, “#” or “..”, a caller can select another endpoint or add parameters.',
    narrow: 'Reject separators and escapes in ids, and encode each id as one path segment.',
  },
  PLACE_TRICK_ACCEPTED: {
    item: 2,
    severity: 'warning',
    title: 'Injection payload is accepted as an id or a name',
    why: 'The call was not refused. preship cannot see what the payload did in the backend or in the file system.',
    narrow: 'Reject separators, escapes and control characters in ids and names, in the handler.',
  },
} as const satisfies Record<string, Kind>

/** Names of fields that refer to a resource. */
export const REFERENCE_FIELD =
  /(?:^|[a-z_-])(?:id|key|slug|path|file|filename|dir|directory|folder|page|ref|branch|repo)s?$/i

/**
 * Of these, fields for paths. Folder names and dots are valid in a path as long as it stays inside the allowed folder.
 */
const PATH_FIELD = /(?:^|[a-z_-])(?:path|dir|directory|folder)s?$/i

/** Tries path traversal and URL injection in arguments that refer to a resource. */
export async function injectionProbe(context: ProbeContext): Promise<Result> {
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  const canary = makeCanary()
  try {
    for (const baseline of await baselinesOf(context)) {
      if (context.shouldStop()) break
      const { found, tries } = await probeFields(context, baseline, canary)
      findings.push(...found)
      if (tries > 0 && found.length === 0)
        evidence.push({
          item: 2,
          text: `${sanitize(baseline.tool.name, 80)}: ${tries} path traversal and URL injection payloads had no effect`,
        })
    }
  } finally {
    canary.remove()
  }
  return { findings, evidence }
}

async function probeFields(context: ProbeContext, baseline: Baseline, canary: Canary) {
  const { tool, args } = baseline
  const found: Finding[] = []
  let tries = 0
  const find = (code: keyof typeof INJECTION_KINDS, field: string, message: string): void => {
    if (!found.some(each => each.code === code && each.field === field))
      found.push({ code, tool: sanitize(tool.name, 80), field: sanitize(field, 80), message })
  }
  for (const [field, value] of Object.entries(args)) {
    if (typeof value !== 'string' || context.shouldStop()) continue
    const isReference = REFERENCE_FIELD.test(field)
    const isChoice = Array.isArray(objectOf(objectOf(tool.inputSchema.properties)[field]).enum)
    if (isChoice) continue
    const isPath = PATH_FIELD.test(field)
    const payloads = [...filePayloads(canary), ...(isReference ? urlPayloads(value, isPath) : [])]
    for (const [what, payload] of payloads) {
      const end = await attempt(context, tool.name, { ...args, [field]: payload })
      tries += 1
      if (canary.isIn(end.text)) find('FILE_CONTENT_RETURNED', field, `${what} returned the content of the file`)
      if (!isReference || (end.outcome !== 'done' && end.outcome !== 'asked')) continue
      const isSame =
        end.outcome === 'done' && end.text.includes(value) && (await isResultOf(context, baseline, end.text))
      if (isSame) find('VALUE_NOT_WHOLE', field, `${what} led to the same record`)
      else if (!isPath || leadsOut(payload, canary)) find('PLACE_TRICK_ACCEPTED', field, `it accepted ${what}`)
    }
  }
  return { found, tries }
}

/** Whether the unmodified call returns this text. A probe of another tool may have changed the record meanwhile. */
async function isResultOf(context: ProbeContext, baseline: Baseline, text: string): Promise<boolean> {
  const { tool, args, attempt: known } = baseline
  if (!works(baseline)) return false
  if (text === known.text || tool.annotations.readOnlyHint !== true) return text === known.text
  return text === (await attempt(context, tool.name, args)).text
}

function filePayloads({ path }: Canary): [string, string][] {
  const up = '../'.repeat(12)
  const relative = path.replace(/^\//, '')
  return [
    ['an absolute path', path],
    ['a path with ../', up + relative],
    ['a path with percent-encoded ../', encodeURIComponent(up + relative)],
    ['a path with ....//', `${'....//'.repeat(12)}${relative}`],
    ['a file URL', `file://${path}`],
    ['a path with a null byte', `${up}${relative}\0.md`],
    ['/etc/passwd', '/etc/passwd'],
    ['a Windows network path', '\\\\127.0.0.1\\c$\\preship'],
  ]
}

/** Whether a path leads out of every folder, rather than to an oddly named entry inside. */
function leadsOut(payload: string, { path }: Canary): boolean {
  const isAbsolute = payload === path || payload === '/etc/passwd' || payload.startsWith('//')
  return (
    isAbsolute ||
    payload.startsWith('../') ||
    payload.includes('\0') ||
    (process.platform === 'win32' && /^\\\\/.test(payload))
  )
}

function urlPayloads(value: string, isPath: boolean): [string, string][] {
  const forNames: [string, string][] = [
    ['the value with a trailing slash', `${value}/`],
    ['the value after preship/../', `preship/../${value}`],
    ['the value after ./', `./${value}`],
  ]
  return [
    ['the value with a query string', `${value}?preship=1`],
    ['the value with a fragment', `${value}#preship`],
    ...(isPath ? [] : forNames),
    ['the value with an encoded fragment', `${value}%23preship`],
    ['the value after another host', `//127.0.0.1/${value}`],
    ['the value after @ and another host', `@127.0.0.1/${value}`],
    ['the value with a line break and a header', `${value}\r\nX-Preship: 1`],
  ]
}

interface Canary {
  readonly path: string
  isIn(text: string): boolean
  remove(): void
}

/** Creates a file outside every server’s folder, with a random word that occurs nowhere else. */
function makeCanary(): Canary {
  const folder = mkdtempSync(join(tmpdir(), 'preship-'))
  const path = join(folder, 'canary.txt')
  const word = `canary${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`
  writeFileSync(path, `${word}\n`)
  return {
    path,
    isIn: text => text.includes(word) || /^root:[^:\n]*:0:0:/m.test(text),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
