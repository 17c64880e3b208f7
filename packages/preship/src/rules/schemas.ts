import type { Kind } from '../finding.ts'
import { fieldsOf, isObject, type JsonObject } from '../surface.ts'
import { ofEachTool, quoted, type Rule } from './rule.ts'
import { doingOfTool } from './verbs.ts'
import { namedBy } from './words.ts'

export const KINDS = {
  NO_INPUT_SCHEMA: {
    item: 1,
    severity: 'error',
    title: 'has no input schema',
    why: 'Nobody can tell what may be sent, neither a reviewer nor the model.',
    narrow: 'An inputSchema of type object that names every argument; an empty one if there are none.',
  },
  UNKNOWN_ARGUMENTS: {
    item: 1,
    severity: 'warning',
    title: 'does not refuse unknown arguments',
    why: 'Arguments that nobody thought of reach the handler, and from there perhaps the backend.',
    narrow: 'additionalProperties: false, at each level, and a strict check in the handler.',
  },
  NO_OUTPUT_SCHEMA: {
    item: 1,
    severity: 'warning',
    title: 'does not say what it returns',
    why: 'What may come back is not bounded: a whole record, an error with a secret, somebody else’s instructions.',
    narrow: 'An outputSchema that names each member, checked before the result is sent.',
  },
  SCHEMA_TOO_BIG: {
    item: 1,
    severity: 'warning',
    title: 'takes too much for anybody to oversee',
    why: 'What nobody can oversee, nobody reviews; and models fill it in wrongly.',
    narrow: 'Several tools with a few arguments each.',
  },
  FOREIGN_REFERENCE: {
    item: 1,
    severity: 'warning',
    title: 'has a schema that refers to somewhere else',
    why: 'What stands there can change at any time, and a client that looks it up can be led anywhere.',
    narrow: 'Write the schema out; references only within it.',
  },
  DANGEROUS_DEFAULT: {
    item: 1,
    severity: 'warning',
    title: 'does the dangerous thing unless told otherwise',
    why: 'A model leaves out what it need not say.',
    narrow: 'The harmless value as the default; or no default and a required argument.',
  },
} as const satisfies Record<string, Kind>

const MAX_FIELDS = 40
const MAX_LEVELS = 5
const MAX_CHARACTERS = 16_000

export const schemas: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const { inputSchema, outputSchema } = tool
  if (inputSchema.type !== 'object') say('NO_INPUT_SCHEMA', 'its inputSchema is missing, or not of type object')
  else if (isLax(inputSchema)) say('UNKNOWN_ARGUMENTS', 'arguments that the schema does not name are allowed')
  if (!outputSchema) say('NO_OUTPUT_SCHEMA', 'it has no outputSchema')
  const fields = fieldsOf(tool)
  for (const { path, forms } of fields)
    if (forms.some(form => form.type === 'object' && isObject(form.properties) && isLax(form)))
      say('UNKNOWN_ARGUMENTS', 'members that the schema does not name are allowed', path)
  const levels = Math.max(0, ...fields.map(({ path }) => path.split(/\.|\[\]/).length))
  const characters = JSON.stringify(inputSchema).length
  if (fields.length > MAX_FIELDS || levels > MAX_LEVELS || characters > MAX_CHARACTERS)
    say('SCHEMA_TOO_BIG', `it has ${fields.length} inputs in ${levels} levels, in ${characters} characters`)
  const foreign = foreignReference(inputSchema) ?? foreignReference(outputSchema)
  if (foreign !== undefined) say('FOREIGN_REFERENCE', `it refers to ${quoted(foreign)}`)
  const isHarmless = doingOfTool(tool) === 'reads'
  for (const { path, name, schema } of fields)
    if (isDangerousDefault(name, schema.default, isHarmless))
      say('DANGEROUS_DEFAULT', `its default is ${quoted(JSON.stringify(schema.default), 40)}`, path)
})

function isLax({ additionalProperties, unevaluatedProperties }: JsonObject): boolean {
  if (unevaluatedProperties === false) return false
  return additionalProperties === undefined || additionalProperties === true
}

function foreignReference(schema: unknown): string | undefined {
  const waiting: unknown[] = schema === undefined ? [] : [schema]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (isObject(at))
      for (const key of ['$ref', '$dynamicRef'])
        if (typeof at[key] === 'string' && !at[key].startsWith('#')) return at[key]
    for (const part of Object.values(at as object)) if (typeof part === 'object' && part !== null) waiting.push(part)
  }
  return undefined
}

const WIDENING = new Set(
  'force recursive overwrite delete purge publish confirm confirmed approve approved override cascade permanent hard unsafe admin sudo insecure bypass public autoapprove allow'.split(
    ' ',
  ),
)
const PROTECTING = new Set([
  'dryrun',
  'verify',
  'verifyssl',
  'sandbox',
  'sandboxed',
  'safemode',
  'readonly',
  'strict',
  'validate',
])

function isDangerousDefault(name: string, value: unknown, isHarmless: boolean): boolean {
  const { words } = namedBy(name)
  if (value === true)
    return !isHarmless && words.some(word => WIDENING.has(word)) && !words.some(word => word === 'no' || word === 'not')
  if (value === false) return !isHarmless && PROTECTING.has(words.join(''))
  return typeof value === 'string' && /^(?:\*|%|\.\*|\/|~|~\/|[A-Z]:\\|\*\.\*)$/.test(value)
}
