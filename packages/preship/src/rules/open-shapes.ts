import type { Kind } from '../finding.ts'
import { type Field, fieldsOf, isObject, type JsonObject, listOf, objectOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { textForms } from './strings.ts'
import { namedBy, proseOf } from './words.ts'

export const KINDS = {
  OPAQUE_INPUT: {
    item: 1,
    severity: 'error',
    title: 'takes anything at all',
    why: 'What the schema does not say, nobody can review: whatever the backend understands can be sent through it.',
    narrow: 'Name every member, give each a type and a bound, and set additionalProperties to false.',
  },
  OPEN_RECORD: {
    item: 1,
    severity: 'warning',
    title: 'takes members of any name',
    why: 'A caller makes up names: if the backend knows some that were not thought of, they can be set.',
    narrow: 'Name the members; or a list of pairs whose keys are an enum.',
  },
  JSON_TEXT_INPUT: {
    item: 1,
    severity: 'warning',
    title: 'takes JSON as text',
    why: 'No schema holds for what stands inside a string.',
    narrow: 'Take the members themselves, with a type and a bound each.',
  },
} as const satisfies Record<string, Kind>

export const openShapes: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const root = tool.inputSchema
  if (isOpenRoot(root)) say('OPAQUE_INPUT', 'it names no argument, and refuses none')
  for (const field of fieldsOf(tool)) {
    const { forms, path } = field
    if (forms.some(({ $ref }) => typeof $ref === 'string' && $ref.startsWith('#')))
      say('OPAQUE_INPUT', 'its schema refers to a part that is not there', path)
    else if (forms.some(takesAnything)) say('OPAQUE_INPUT', 'its schema says nothing of what it holds', path)
    else if (takesMostTypes(field)) say('OPAQUE_INPUT', 'it may be of nearly every type', path)
    else if (forms.some(isRecord)) say('OPEN_RECORD', 'its members may have any name', path)
    else if (isJsonText(field)) say('JSON_TEXT_INPUT', 'it is a text that holds JSON', path)
  }
})

/** An object without members that nobody meant to be empty. */
function isOpenRoot({ type, properties, additionalProperties, patternProperties, ...rest }: JsonObject): boolean {
  if (type !== 'object' || isObject(patternProperties)) return false
  if (Object.keys(objectOf(properties)).length > 0 || rest.anyOf || rest.oneOf || rest.allOf || rest.$ref) return false
  return additionalProperties === true || (isObject(additionalProperties) && takesAnything(additionalProperties))
}

function takesAnything(form: JsonObject): boolean {
  const { type, properties, additionalProperties, patternProperties } = form
  // Not to be anything is to be nothing; not to be one thing leaves all others.
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

/** Whether a list may hold anything at all, if only behind its first entries. */
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
