import { isObject, type Oddity, objectOf, type Surface, type Tool } from './surface.ts'
import { type Listing, listTools, type Session } from './wire/session.ts'
import { LIMITS, WireError } from './wire/wire.ts'

const SLOW_MS = 2_000

/** Looks at all that a server shows, twice: a list that changes while nothing happens is one of its oddities. */
export async function look(session: Session): Promise<Surface> {
  const startedAt = performance.now()
  const first = await listedOrNothing(session)
  const isSlow = performance.now() - startedAt > SLOW_MS
  const second = first.isUnreadable ? first : await listTools(session)
  const oddities: Oddity[] = [...session.wire.oddities]
  if (isSlow) oddities.push({ kind: 'slow', text: `listing its tools took more than ${SLOW_MS / 1000} s` })
  if (JSON.stringify(first.tools) !== JSON.stringify(second.tools))
    oddities.push({ kind: 'changing-list', text: 'two listings in a row were not the same' })
  if (first.isCut === 'tools')
    oddities.push({
      kind: 'too-many-tools',
      text: `it lists more than ${LIMITS.tools} tools; the rest was not looked at`,
    })
  if (first.isCut === 'pages') oddities.push({ kind: 'endless-list', text: 'its list of tools has no end' })
  const tools = first.tools.flatMap(value => {
    const tool = toolOf(value)
    if (!tool) oddities.push({ kind: 'not-a-tool', text: 'it lists something that is no tool' })
    return tool ? [tool] : []
  })
  const { era, server, instructions, capabilities } = session
  return { server, era, instructions, capabilities, tools, oddities }
}

/** A list that nobody should have to read is not read: that it is one is what is known of it. */
async function listedOrNothing(session: Session): Promise<Listing & { isUnreadable: boolean }> {
  try {
    return { ...(await listTools(session)), isUnreadable: false }
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
