import { isObject, type Oddity, objectOf, type Surface, type Tool } from './surface.ts'
import { type Listing, listTools, type Session } from './wire/session.ts'
import { LIMITS, WireError } from './wire/wire.ts'

const CUT: Readonly<Record<NonNullable<Listing['isCut']>, Oddity>> = {
  tools: { kind: 'too-many-tools', text: `it lists more than ${LIMITS.tools} tools; the rest was not looked at` },
  characters: {
    kind: 'too-large',
    text: `its list of tools is longer than ${LIMITS.listCharacters / 1024 / 1024} MB; the rest was not looked at`,
  },
  pages: {
    kind: 'endless-list',
    text: 'its list of tools has no end: it gives one cursor after the other, or the same',
  },
  // Not merely slow: what comes after the part that was read was seen by nobody.
  time: {
    kind: 'endless-list',
    text: 'it hands out its list of tools so slowly that the rest was not looked at; --timeout gives it more time',
  },
}

const SLOW_MS = 2_000

/** After these, another listing says nothing new. */
const NOT_AGAIN = new Set<Oddity['kind']>([...Object.values(CUT).map(({ kind }) => kind), 'changing-list', 'too-deep'])

/**
 * Looks at all that a server shows, twice: a list that changes while nothing happens is one of its oddities.
 *
 * @param budgetMs about how long it may take
 * @throws {WireError}
 */
export async function look(session: Session, budgetMs: number): Promise<Surface> {
  const startedAt = performance.now()
  const first = await listedOrNothing(session, budgetMs / 2)
  const oddities: Oddity[] = first.isCut ? [CUT[first.isCut]] : []
  if (performance.now() - startedAt > SLOW_MS)
    oddities.push({ kind: 'slow', text: `listing its tools took more than ${SLOW_MS / 1000} s` })
  const left = budgetMs - (performance.now() - startedAt)
  // What was cut may have been cut elsewhere the second time.
  const second = first.isCut || first.isUnreadable || left < 0 ? undefined : await listTools(session, left)
  // Of the second time, too, only what was read to its end can be compared.
  if (second && second.isCut !== 'time' && JSON.stringify(first.tools) !== JSON.stringify(second.tools))
    oddities.push({ kind: 'changing-list', text: 'two listings in a row were not the same' })
  const tools = first.tools.flatMap(value => toolOf(value) ?? [])
  const { era, server, instructions, capabilities } = session
  if (tools.length < first.tools.length)
    oddities.push({ kind: 'not-a-tool', text: 'it lists something that is no tool' })
  return { server, era, instructions, capabilities, tools, oddities: [...session.wire.oddities, ...oddities] }
}

/** What is strange about a server that was used meanwhile, beyond what was strange about it before. @throws {WireError} */
export async function lookAgain(session: Session, before: Surface, budgetMs: number): Promise<readonly Oddity[]> {
  const oddities: Oddity[] = []
  if (!before.oddities.some(({ kind }) => NOT_AGAIN.has(kind))) {
    const { tools, isCut } = await listTools(session, budgetMs)
    const now = tools.flatMap(value => toolOf(value) ?? [])
    if (isCut !== 'time' && JSON.stringify(now) !== JSON.stringify(before.tools))
      oddities.push({ kind: 'changing-list', text: 'its list of tools changed while it was used' })
  }
  const known = new Set(before.oddities.map(({ text }) => text))
  return [...oddities, ...session.wire.oddities.filter(({ text }) => !known.has(text))]
}

/** A list that nobody should have to read is not read: that it is one is what is known of it. */
async function listedOrNothing(session: Session, budgetMs: number): Promise<Listing & { isUnreadable: boolean }> {
  try {
    return { ...(await listTools(session, budgetMs)), isUnreadable: false }
  } catch (error) {
    const isUnreadable = session.wire.oddities.some(({ kind }) => kind === 'too-large' || kind === 'too-deep')
    if (!(error instanceof WireError) || !isUnreadable) throw error
    return { tools: [], isCut: undefined, isUnreadable }
  }
}

function toolOf(value: unknown): Tool | undefined {
  if (!isObject(value) || typeof value.name !== 'string') return undefined
  const { name, title, description, inputSchema, outputSchema, annotations } = value
  return {
    name,
    title: typeof title === 'string' ? title : undefined,
    description: typeof description === 'string' ? description : '',
    inputSchema: objectOf(inputSchema),
    outputSchema: isObject(outputSchema) ? outputSchema : undefined,
    annotations: objectOf(annotations),
  }
}
