import type { Kind } from '../finding.ts'
import { type Field, fieldsOf, isObject, type JsonObject, listOf, objectOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { textForms } from './strings.ts'
import { namedBy, proseOf } from './words.ts'

export const KINDS = {
  OPAQUE_INPUT: {
    item: 1,
    severity: 'error',
    title: 'Tool accepts input of any shape',
    why: 'Reviewers cannot tell what may be sent. Whatever the backend understands can be passed through.',
    narrow: 'Name every property, give each a type and a bound, and set additionalProperties to false.',
  },
  OPEN_RECORD: {
    item: 1,
    severity: 'warning',
    title: 'Tool accepts an object with arbitrary keys',
    why: 'A caller can set properties that nobody intended, if the backend knows them (mass assignment).',
    narrow: 'Name the allowed properties, or take a list of pairs whose keys are an enum.',
  },
  JSON_TEXT_INPUT: {
    item: 1,
    severity: 'warning',
    title: 'Tool accepts JSON as a string',
    why: 'The schema does not validate what is inside the string.',
    narrow: 'Take the properties themselves as arguments, each with a type and a bound.',
  },
} as const satisfies Record<string, Kind>

export const openShapes: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const root = tool.inputSchema
  if (isOpenRoot(root)) say('OPAQUE_INPUT', 'the schema names no argument and allows every argument')
  for (const field of fieldsOf(tool)) {
    const { forms, path } = field
    if (forms.some(({ $ref }) => typeof $ref === 'string' && $ref.startsWith('#')))
      say('OPAQUE_INPUT', 'its schema refers to a definition that does not exist', path)
    else if (forms.some(takesAnything)) say('OPAQUE_INPUT', 'its schema does not restrict its content', path)
    else if (takesMostTypes(field)) say('OPAQUE_INPUT', 'it may have nearly any type', path)
    else if (forms.some(isRecord)) say('OPEN_RECORD', 'its properties may have any name', path)
    else if (isJsonText(field)) say('JSON_TEXT_INPUT', 'it is a string that contains JSON', path)
  }
})

/** Whether the root schema declares no arguments but allows any. */
function isOpenRoot({ type, properties, additionalProperties, patternProperties, ...rest }: JsonObject): boolean {
  if (type !== 'object' || isObject(patternProperties)) return false
  if (Object.keys(objectOf(properties)).length > 0 || rest.anyOf || rest.oneOf || rest.allOf || rest.$ref) return false
  return additionalProperties === true || (isObject(additionalProperties) && takesAnything(additionalProperties))
}

function takesAnything(form: JsonObject): boolean {
  const { type, properties, additionalProperties, patternProperties } = form
  // `not: {}` allows nothing. Any other `not` allows everything else.
  const isNothing = isObject(form.not) && Object.keys(form.not).length === 0
  if (Array.isArray(form.enum) || form.const !== undefined || isNothing || form.not === true) return false
  if (type === undefined)
    return !isObject(properties) && !isObject(form.items) && !Array.isArray(form.items) && form.$ref === undefined
  if (type === 'array') return hasOpenItems(form)
  if (type !== 'object' || isObject(patternProperties)) return false
  if (isObject(additionalProperties)) return takesAnything(additionalProperties)
  if (additionalProperties === true) return true
  return Object.keys(objectOf(properties)).length === 0 && additionalProperties !== false
}

/** Whether a list may contain anything, if only after its first entries. */
function hasOpenItems({ items, prefixItems, additionalItems, maxItems }: JsonObject): boolean {
  const [first, rest] = Array.isArray(items) ? [items as unknown[], additionalItems] : [listOf(prefixItems), items]
  return (rest === undefined || rest === true) && !(typeof maxItems === 'number' && maxItems <= first.length)
}

function takesMostTypes({ forms }: Field): boolean {
  return new Set(forms.filter(form => !Array.isArray(form.enum)).map(({ type }) => type)).size >= 4
}

function isRecord({ type, additionalProperties, patternProperties, propertyNames }: JsonObject): boolean {
  if (type !== 'object' || isObject(objectOf(propertyNames).enum) || Array.isArray(objectOf(propertyNames).enum))
    return false
  return isObject(additionalProperties) || Object.keys(objectOf(patternProperties)).length > 0
}

function isJsonText(field: Field): boolean {
  if (textForms(field).length === 0) return false
  const { words, head } = namedBy(field.name)
  if (
    head === 'json' ||
    (head === 'string' && words.includes('json')) ||
    field.schema.contentMediaType === 'application/json' ||
    textForms(field).some(({ format }) => format === 'json')
  )
    return true
  return /\b(?:json (?:string|text|encoded|object|array|body|payload|serialized)|json-(?:encoded|serialized|formatted)|stringified json|(?:string of|valid|as|in) json)\b/.test(
    proseOf(field.schema.description),
  )
}
