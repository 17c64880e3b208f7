import { isObject, type Oddity, objectOf, type Surface, type Tool } from './surface.ts'
import { listTools, type Session } from './wire/session.ts'
import { LIMITS } from './wire/wire.ts'

/** Looks at all that a server shows, twice: a list that changes while nothing happens is one of its oddities. */
export async function look(session: Session): Promise<Surface> {
  const first = await listTools(session)
  const second = await listTools(session)
  const oddities: Oddity[] = [...session.wire.oddities]
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
