/** A tool as the server lists it. The texts are unmodified and may be hostile. */
export interface Tool {
  readonly name: string
  readonly title: string | undefined
  readonly description: string
  readonly inputSchema: JsonObject
  readonly outputSchema: JsonObject | undefined
  readonly annotations: JsonObject
  /**
   * Other properties in the list: icons, `_meta`, later protocol additions. Models do not read them, but clients do.
   */
  readonly other?: JsonObject
}

export type JsonObject = Readonly<Record<string, unknown>>

/** `legacy`: the 2025 protocol revisions, with a session. `modern`: revision 2026-07-28, without one. */
export type Era = 'legacy' | 'modern'

/** What a server presents to a client that connects. */
export interface Surface {
  readonly server: { readonly name: string; readonly version: string }
  readonly era: Era
  readonly instructions: string
  /** Declared capabilities besides tools: `resources`, `prompts`, … */
  readonly capabilities: readonly string[]
  readonly tools: readonly Tool[]
  /** Unexpected behaviour during the inspection: truncated lists, changing lists, unsolicited messages. */
  readonly anomalies: readonly Anomaly[]
}

export interface Anomaly {
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
  /** A description in preship’s own words. */
  readonly text: string
}

/** One input of a tool at any depth: `filter.where`, `items[]`, and `labels.*` for keys that the caller chooses. */
export interface Field {
  readonly path: string
  /** The last part of the path. List items and values under arbitrary keys have the name of their container. */
  readonly name: string
  readonly schema: JsonObject
  /** The alternatives of a union without null, each merged with the keywords that apply to all of them. */
  readonly forms: readonly JsonObject[]
  readonly required: boolean
}

const MAX_DEPTH = 12
const MAX_FIELDS = 500
/** Limit for visited subschemas: with references, a short schema can expand without end. */
const MAX_VISITS = 5_000
const MAX_FORMS = 200
const MAX_FORM_DEPTH = 5

/** Lists every input of a tool, outer ones first. Follows unions and references within the schema. */
export function fieldsOf(tool: Tool): Field[] {
  const fields: Field[] = []
  const root = tool.inputSchema
  let visits = 0
  const add = (value: unknown, path: string, name: string, required: boolean, depth: number): void => {
    // `false` allows no value, and lists of schemas can contain anything.
    if (value === false || value === undefined || fields.length >= MAX_FIELDS) return
    const schema = resolve(objectOf(value), root)
    fields.push({ path, name, schema, forms: formsOf(schema, root), required })
    visit(schema, path, name, depth + 1)
  }
  const visit = (schema: JsonObject, path: string, name: string, depth: number): void => {
    visits += 1
    if (depth > MAX_DEPTH || visits > MAX_VISITS || fields.length >= MAX_FIELDS) return
    const required = new Set(Array.isArray(schema.required) ? (schema.required as unknown[]) : [])
    for (const [key, value] of Object.entries(objectOf(schema.properties)))
      add(value, path === '' ? key : `${path}.${key}`, key, required.has(key), depth)
    const arbitraryKeys = [schema.additionalProperties, ...Object.values(objectOf(schema.patternProperties))]
    for (const value of arbitraryKeys.filter(isObject)) add(value, path === '' ? '*' : `${path}.*`, name, false, depth)
    // Earlier JSON Schema drafts wrote prefixItems as an array in items.
    for (const value of [schema.items, ...listOf(schema.items), ...listOf(schema.prefixItems)].filter(isObject))
      add(value, `${path}[]`, name, false, depth)
    const options = (['anyOf', 'oneOf', 'allOf'] as const).flatMap(key => listOf(schema[key]))
    // Conditional subschemas can add properties as well.
    const cases = [schema.if, schema.then, schema.else, ...Object.values(objectOf(schema.dependentSchemas))]
    for (const option of [...options, ...cases.filter(isObject)])
      visit(resolve(objectOf(option), root), path, name, depth + 1)
  }
  visit(resolve(root, root), '', '', 0)
  return fields
}

function formsOf(schema: JsonObject, root: JsonObject): JsonObject[] {
  const forms: JsonObject[] = []
  let isCut = false
  const visit = (own: JsonObject, depth: number): void => {
    isCut ||= forms.length >= MAX_FORMS
    if (isCut) return
    const { anyOf, oneOf, allOf, ...rest } = resolve(own, root)
    const all: Record<string, unknown> = { ...rest }
    for (const part of listOf(allOf).slice(0, MAX_FORMS)) Object.assign(all, resolve(objectOf(part), root))
    const options = [...listOf(anyOf), ...listOf(oneOf)].filter(option => option !== false)
    if (options.length > 0 && depth < MAX_FORM_DEPTH)
      for (const option of options.slice(0, MAX_FORMS + 1))
        visit({ ...all, ...resolve(objectOf(option), root) }, depth + 1)
    else if (Array.isArray(all.type)) for (const type of all.type.slice(0, 7)) forms.push({ ...all, type })
    else forms.push(all)
  }
  visit(schema, 0)
  // The alternatives that were not examined may allow anything.
  if (isCut) forms.push({})
  return forms.filter(({ type }) => type !== 'null')
}

/** Follows references within the same schema. */
function resolve(schema: JsonObject, root: JsonObject): JsonObject {
  let at = schema
  for (let step = 0; step < 5; step += 1) {
    const { $ref, ...beside } = at
    if (typeof $ref !== 'string' || !/^#(\/|$)/.test($ref)) return at
    const target = $ref
      .split('/')
      .slice(1)
      .reduce<unknown>((part, key) => objectOf(part)[key.replaceAll('~1', '/').replaceAll('~0', '~')], root)
    if (!isObject(target)) return at
    at = { ...target, ...beside }
  }
  return at
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : []
}
