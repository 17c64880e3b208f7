import type { Kind } from '../finding.ts'
import { fieldsOf, isObject, type JsonObject } from '../surface.ts'
import { ofEachTool, quoted, type Rule } from './rule.ts'
import { effectOfTool } from './verbs.ts'
import { namedBy } from './words.ts'

export const KINDS = {
  NO_INPUT_SCHEMA: {
    item: 1,
    severity: 'error',
    title: 'Tool has no input schema',
    why: 'Neither a reviewer nor the model can tell which arguments are valid.',
    narrow: 'Publish an inputSchema of type object that names every argument. Use an empty one if there are none.',
  },
  UNKNOWN_ARGUMENTS: {
    item: 1,
    severity: 'warning',
    title: 'Schema allows unknown arguments',
    why: 'Arguments that nobody reviewed reach the handler, and possibly the backend (mass assignment).',
    narrow: 'Set additionalProperties to false at each level, and validate strictly in the handler.',
  },
  NO_OUTPUT_SCHEMA: {
    item: 1,
    severity: 'warning',
    title: 'Tool has no output schema',
    why: 'Results are not restricted. They can contain whole records, error details with secrets, or a prompt injection.',
    narrow: 'Publish an outputSchema that names each property, and validate the result before it is sent.',
  },
  SCHEMA_TOO_BIG: {
    item: 1,
    severity: 'warning',
    title: 'Input schema is too large to review',
    why: 'Reviewers overlook fields in a schema of this size, and models fill it in incorrectly.',
    narrow: 'Split it into several tools with a few arguments each.',
  },
  FOREIGN_REFERENCE: {
    item: 1,
    severity: 'warning',
    title: 'Schema refers to an external document',
    why: 'The document can change at any time, and a client that fetches it can be directed to any address (SSRF).',
    narrow: 'Write the schema out, and use only references within it.',
  },
  DANGEROUS_DEFAULT: {
    item: 1,
    severity: 'warning',
    title: 'Default value enables a dangerous behaviour',
    why: 'Models omit optional arguments, so the dangerous default takes effect unnoticed.',
    narrow: 'Use the safe value as the default, or make the argument required.',
  },
} as const satisfies Record<string, Kind>

const MAX_FIELDS = 40
const MAX_LEVELS = 5
const MAX_CHARACTERS = 16_000

export const schemas: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const { inputSchema, outputSchema } = tool
  if (inputSchema.type !== 'object')
    say('NO_INPUT_SCHEMA', 'its inputSchema is missing or does not have the type object')
  else if (isLax(inputSchema)) say('UNKNOWN_ARGUMENTS', 'the schema allows arguments that it does not name')
  if (!outputSchema) say('NO_OUTPUT_SCHEMA', 'it has no outputSchema')
  const fields = fieldsOf(tool)
  for (const { path, forms } of fields)
    if (forms.some(form => form.type === 'object' && isObject(form.properties) && isLax(form)))
      say('UNKNOWN_ARGUMENTS', 'the schema allows properties that it does not name', path)
  const levels = Math.max(0, ...fields.map(({ path }) => path.split(/\.|\[\]/).length))
  const characters = JSON.stringify(inputSchema).length
  if (fields.length > MAX_FIELDS || levels > MAX_LEVELS || characters > MAX_CHARACTERS)
    say('SCHEMA_TOO_BIG', `it has ${fields.length} inputs in ${levels} levels and ${characters} characters`)
  const foreign = foreignReference(inputSchema) ?? foreignReference(outputSchema)
  if (foreign !== undefined) say('FOREIGN_REFERENCE', `it refers to ${quoted(foreign)}`)
  const isReadOnly = effectOfTool(tool) === 'reads'
  for (const { path, name, schema } of fields)
    if (isDangerousDefault(name, schema.default, isReadOnly))
      say('DANGEROUS_DEFAULT', `its default is ${quoted(JSON.stringify(schema.default), 40)}`, path)
})

function isLax({ additionalProperties, unevaluatedProperties }: JsonObject): boolean {
  if (unevaluatedProperties === false) return false
  return additionalProperties === undefined || additionalProperties === true
}

function foreignReference(schema: unknown): string | undefined {
  const queue: unknown[] = schema === undefined ? [] : [schema]
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (isObject(at))
      for (const key of ['$ref', '$dynamicRef'])
        if (typeof at[key] === 'string' && !at[key].startsWith('#')) return at[key]
    for (const part of Object.values(at as object)) if (typeof part === 'object' && part !== null) queue.push(part)
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

function isDangerousDefault(name: string, value: unknown, isReadOnly: boolean): boolean {
  const { words } = namedBy(name)
  if (value === true)
    return !isReadOnly && words.some(word => WIDENING.has(word)) && !words.some(word => word === 'no' || word === 'not')
  if (value === false) return !isReadOnly && PROTECTING.has(words.join(''))
  return typeof value === 'string' && /^(?:\*|%|\.\*|\/|~|~\/|[A-Z]:\\|\*\.\*)$/.test(value)
}
