import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import { objectOf } from '../surface.ts'
import { attempt } from './attempt.ts'
import { type Baseline, baselinesOf, works } from './baseline.ts'
import type { Probing } from './probe.ts'

export const PLACE_KINDS = {
  FILE_CONTENT_RETURNED: {
    item: 2,
    severity: 'error',
    title: 'a file that is none of the server’s is read',
    why: 'A path in an argument leads out of the folder that the tool is for: keys, configuration and other people’s files can be read.',
    narrow: 'Take a name, not a path; find it among the folder’s own entries, open it once without following links.',
  },
  VALUE_NOT_WHOLE: {
    item: 2,
    severity: 'error',
    title: 'an id with something added leads to the same record',
    why: 'The value is joined into an address as it is: with ?, # or .. a caller chooses another endpoint, or other parameters.',
    narrow: 'Refuse separators and escapes in ids, and encode each as one segment of the path.',
  },
  PLACE_TRICK_ACCEPTED: {
    item: 2,
    severity: 'warning',
    title: 'a value that leads elsewhere is accepted where an id or a name belongs',
    why: 'Nothing refused it. What it does at the backend or in the file system could not be seen from here.',
    narrow: 'Refuse separators, escapes and control characters in ids and names, in the handler.',
  },
} as const satisfies Record<string, Kind>

/** Names of fields that lead to one thing at one place. */
export const LEADS_SOMEWHERE =
  /(?:^|[a-z_-])(?:id|key|slug|path|file|filename|dir|directory|folder|page|ref|branch|repo)s?$/i

/** Of these, what is a path: names of folders and dots belong into it, as long as it stays where it may be. */
const IS_PATH = /(?:^|[a-z_-])(?:path|dir|directory|folder)s?$/i

/** Tries to get from fields that name something to something else: other files, other addresses. */
export async function placesProbe(probing: Probing): Promise<Result> {
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  const canary = makeCanary()
  try {
    for (const baseline of await baselinesOf(probing)) {
      if (probing.isLate()) break
      const { found, tries } = await tryPlaces(probing, baseline, canary)
      findings.push(...found)
      if (tries > 0 && found.length === 0)
        evidence.push({
          item: 2,
          text: `${plain(baseline.tool.name, 80)}: ${tries} values that lead elsewhere led nowhere`,
        })
    }
  } finally {
    canary.remove()
  }
  return { findings, evidence }
}

async function tryPlaces(probing: Probing, baseline: Baseline, canary: Canary) {
  const { tool, args } = baseline
  const found: Finding[] = []
  let tries = 0
  const find = (code: keyof typeof PLACE_KINDS, field: string, message: string): void => {
    if (!found.some(each => each.code === code && each.field === field))
      found.push({ code, tool: plain(tool.name, 80), field: plain(field, 80), message })
  }
  for (const [field, value] of Object.entries(args)) {
    if (typeof value !== 'string' || probing.isLate()) continue
    const isPlace = LEADS_SOMEWHERE.test(field)
    const isChoice = Array.isArray(objectOf(objectOf(tool.inputSchema.properties)[field]).enum)
    if (isChoice) continue
    const isPath = IS_PATH.test(field)
    const tricks = [...fileTricks(canary), ...(isPlace ? addressTricks(value, isPath) : [])]
    for (const [what, trick] of tricks) {
      const end = await attempt(probing, tool.name, { ...args, [field]: trick })
      tries += 1
      if (canary.isIn(end.text)) find('FILE_CONTENT_RETURNED', field, `it answered ${what} with what stands there`)
      if (!isPlace || (end.outcome !== 'done' && end.outcome !== 'asked')) continue
      const isSame = works(baseline) && end.outcome === 'done' && end.text === baseline.attempt.text
      if (isSame && end.text.includes(value)) find('VALUE_NOT_WHOLE', field, `${what} led to the same record`)
      else if (!isPath || leadsOut(trick, canary)) find('PLACE_TRICK_ACCEPTED', field, `it accepted ${what}`)
    }
  }
  return { found, tries }
}

function fileTricks({ path }: Canary): [string, string][] {
  const up = '../'.repeat(12)
  const relative = path.replace(/^\//, '')
  return [
    ['an absolute path', path],
    ['a path that climbs', up + relative],
    ['a path that climbs, encoded', encodeURIComponent(up + relative)],
    ['a path that climbs, with doubled dots', `${'....//'.repeat(12)}${relative}`],
    ['a file URL', `file://${path}`],
    ['a path behind a null byte', `${up}${relative}\0.md`],
    ['/etc/passwd', '/etc/passwd'],
    ['a Windows share', '\\\\127.0.0.1\\c$\\preship'],
  ]
}

/** Whether a path leads out of any folder, rather than to something with an odd name in it. */
function leadsOut(trick: string, { path }: Canary): boolean {
  const isAbsolute = trick === path || trick === '/etc/passwd' || trick.startsWith('//')
  return (
    isAbsolute ||
    trick.startsWith('../') ||
    trick.includes('\0') ||
    (process.platform === 'win32' && /^\\\\/.test(trick))
  )
}

function addressTricks(value: string, isPath: boolean): [string, string][] {
  const ofNames: [string, string][] = [
    ['a slash behind it', `${value}/`],
    ['a way round to it', `preship/../${value}`],
    ['a dot before it', `./${value}`],
  ]
  return [
    ['a query behind it', `${value}?preship=1`],
    ['a fragment behind it', `${value}#preship`],
    ...(isPath ? [] : ofNames),
    ['an encoded fragment behind it', `${value}%23preship`],
    ['another host', `//127.0.0.1/${value}`],
    ['another host behind an @', `@127.0.0.1/${value}`],
    ['a line break and a header', `${value}\r\nX-Preship: 1`],
  ]
}

interface Canary {
  readonly path: string
  isIn(text: string): boolean
  remove(): void
}

/** A file that no server has any business with, holding a word that stands nowhere else. */
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
