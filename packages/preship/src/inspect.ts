import { type Anomaly, isObject, objectOf, type Surface, type Tool } from './surface.ts'
import { type Listing, listTools, type Session } from './wire/session.ts'
import { LIMITS, WireError } from './wire/wire.ts'

const TRUNCATION_ANOMALIES: Readonly<Record<NonNullable<Listing['truncatedBy']>, Anomaly>> = {
  tools: { kind: 'too-many-tools', text: `it lists more than ${LIMITS.tools} tools; the rest was not examined` },
  characters: {
    kind: 'too-large',
    text: `its tool list is larger than ${LIMITS.listCharacters / 1024 / 1024} MB; the rest was not examined`,
  },
  pages: {
    kind: 'endless-list',
    text: 'its tool list has no end: it keeps returning new cursors, or the same one again',
  },
  // More than a slow list: nobody examined the part that was not read.
  time: {
    kind: 'endless-list',
    text: 'its tool list was too slow to be read to the end; use a larger --timeout to read all of it',
  },
}

const SLOW_MS = 2_000

/** After one of these anomalies, reading the list again brings nothing new. */
const NO_SECOND_READ = new Set<Anomaly['kind']>([
  ...Object.values(TRUNCATION_ANOMALIES).map(({ kind }) => kind),
  'changing-list',
  'too-deep',
])

/**
 * Reads what the server presents, and reads the tool list twice: it must not change while nothing happens.
 *
 * @param budgetMs approximate time limit
 * @throws {WireError}
 */
export async function inspect(session: Session, budgetMs: number): Promise<Surface> {
  const startedAt = performance.now()
  const first = await listedOrNothing(session, budgetMs / 2)
  const anomalies: Anomaly[] = first.truncatedBy ? [TRUNCATION_ANOMALIES[first.truncatedBy]] : []
  if (performance.now() - startedAt > SLOW_MS)
    anomalies.push({ kind: 'slow', text: `the tool list took more than ${SLOW_MS / 1000} s` })
  const left = budgetMs - (performance.now() - startedAt)
  // A second read of a truncated list may be truncated elsewhere, so the two cannot be compared.
  const second = first.truncatedBy || first.isUnreadable || left < 0 ? undefined : await listTools(session, left)
  // Compare only if the second list was read to its end as well.
  if (second && second.truncatedBy !== 'time' && JSON.stringify(first.tools) !== JSON.stringify(second.tools))
    anomalies.push({ kind: 'changing-list', text: 'two consecutive tool lists differ' })
  const tools = first.tools.flatMap(value => toolOf(value) ?? [])
  const { era, server, instructions, capabilities } = session
  if (tools.length < first.tools.length)
    anomalies.push({ kind: 'not-a-tool', text: 'its tool list contains an entry that is not a tool' })
  return { server, era, instructions, capabilities, tools, anomalies: [...session.wire.anomalies, ...anomalies] }
}

/** Anomalies that occurred since the first inspection. @throws {WireError} */
export async function inspectAgain(session: Session, before: Surface, budgetMs: number): Promise<readonly Anomaly[]> {
  const anomalies: Anomaly[] = []
  if (!before.anomalies.some(({ kind }) => NO_SECOND_READ.has(kind))) {
    const { tools, truncatedBy } = await listTools(session, budgetMs)
    const now = tools.flatMap(value => toolOf(value) ?? [])
    if (truncatedBy !== 'time' && JSON.stringify(now) !== JSON.stringify(before.tools))
      anomalies.push({ kind: 'changing-list', text: 'its tool list changed during the examination' })
  }
  const known = new Set(before.anomalies.map(({ text }) => text))
  return [...anomalies, ...session.wire.anomalies.filter(({ text }) => !known.has(text))]
}

/** If a message exceeds the size or nesting limit, the list counts as empty; the anomaly is already recorded. */
async function listedOrNothing(session: Session, budgetMs: number): Promise<Listing & { isUnreadable: boolean }> {
  try {
    return { ...(await listTools(session, budgetMs)), isUnreadable: false }
  } catch (error) {
    const isUnreadable = session.wire.anomalies.some(({ kind }) => kind === 'too-large' || kind === 'too-deep')
    if (!(error instanceof WireError) || !isUnreadable) throw error
    return { tools: [], truncatedBy: undefined, isUnreadable }
  }
}

function toolOf(value: unknown): Tool | undefined {
  if (!isObject(value) || typeof value.name !== 'string') return undefined
  const { name, title, description, inputSchema, outputSchema, annotations, ...other } = value
  return {
    name,
    title: typeof title === 'string' ? title : undefined,
    description: typeof description === 'string' ? description : '',
    inputSchema: objectOf(inputSchema),
    outputSchema: isObject(outputSchema) ? outputSchema : undefined,
    annotations: objectOf(annotations),
    ...(Object.keys(other).length > 0 && { other }),
  }
}
