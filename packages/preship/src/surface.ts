/** A tool as a server lists it. Every text is as it came: it may be hostile. */
export interface Tool {
  readonly name: string
  readonly title: string | undefined
  readonly description: string
  readonly inputSchema: JsonObject
  readonly outputSchema: JsonObject | undefined
  readonly annotations: JsonObject
}

export type JsonObject = Readonly<Record<string, unknown>>

/** Which revisions of the protocol a connection speaks. */
export type Era = 'legacy' | 'modern'

/** What a server shows of itself to whoever connects. */
export interface Surface {
  readonly server: { readonly name: string; readonly version: string }
  readonly era: Era
  readonly instructions: string
  /** The kinds of things that it offers besides tools: `resources`, `prompts`, … */
  readonly capabilities: readonly string[]
  readonly tools: readonly Tool[]
  /** What was strange while it was looked at: cut lists, changing lists, unasked messages. */
  readonly oddities: readonly Oddity[]
}

export interface Oddity {
  readonly kind:
    | 'endless-list'
    | 'too-many-tools'
    | 'too-large'
    | 'too-deep'
    | 'changing-list'
    | 'slow'
    | 'not-a-tool'
    | 'noise'
    | 'asks-client'
  /** In words of ours. */
  readonly text: string
}

/** One input of a tool, however deep: `filter.where`, `items[]`. */
export interface Field {
  readonly path: string
  /** The last part of the path. */
  readonly name: string
  readonly schema: JsonObject
  readonly required: boolean
}

const MAX_DEPTH = 12
const MAX_FIELDS = 500
/** Unions of references to each other can be walked through in more ways than there is time for. */
const MAX_VISITS = 5_000

/** Every input of a tool, from the outside in; unions and references within the schema are followed. */
export function fieldsOf(tool: Tool): Field[] {
  const fields: Field[] = []
  const root = tool.inputSchema
  let visits = 0
  const visit = (schema: JsonObject, path: string, depth: number): void => {
    visits += 1
    if (depth > MAX_DEPTH || fields.length >= MAX_FIELDS || visits > MAX_VISITS) return
    const required = Array.isArray(schema.required) ? (schema.required as unknown[]) : []
    for (const [name, value] of Object.entries(objectOf(schema.properties))) {
      const own = resolve(objectOf(value), root)
      const ownPath = path === '' ? name : `${path}.${name}`
      fields.push({ path: ownPath, name, schema: own, required: required.includes(name) })
      visit(own, ownPath, depth + 1)
    }
    if (isObject(schema.items)) {
      const items = resolve(schema.items, root)
      fields.push({ path: `${path}[]`, name: lastName(path), schema: items, required: false })
      visit(items, `${path}[]`, depth + 1)
    }
    for (const key of ['anyOf', 'oneOf', 'allOf'] as const)
      for (const option of Array.isArray(schema[key]) ? (schema[key] as unknown[]) : [])
        visit(resolve(objectOf(option), root), path, depth + 1)
  }
  visit(resolve(root, root), '', 0)
  return fields
}

/** Follows a reference to a part of the same schema. */
function resolve(schema: JsonObject, root: JsonObject): JsonObject {
  const { $ref } = schema
  if (typeof $ref !== 'string' || !$ref.startsWith('#/')) return schema
  const target = $ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => objectOf(at)[key.replaceAll('~1', '/').replaceAll('~0', '~')], root)
  return isObject(target) ? target : schema
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

function lastName(path: string): string {
  return (
    path
      .split('.')
      .at(-1)
      ?.replace(/(?:\[\])+$/, '') ?? ''
  )
}
