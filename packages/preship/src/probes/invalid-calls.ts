import { isObject, type JsonObject, objectOf } from '../surface.ts'
import type { ArgumentCode } from './argument-kinds.ts'
import type { Baseline } from './baseline.ts'
import { followed, matches, violationOf } from './schema-check.ts'

/** A call with one defect. */
export interface InvalidCall {
  /** The finding if the call is accepted. */
  readonly code: ArgumentCode
  readonly field?: string
  /** A description of the defect. */
  readonly what: string
  readonly args: unknown
}

const MAX_FIELDS = 40
const MEGABYTE = 1_000_000
const HUGE = 'a string of a million characters'

type Path = readonly string[]

/**
 * Derives invalid calls from a valid one: everything that the tool’s schema forbids, and some that every schema should
 * forbid.
 */
export function invalidCalls({ tool, args }: Baseline): InvalidCall[] {
  const root = tool.inputSchema
  const calls: InvalidCall[] = []
  const fields = fieldsIn(root, root, args, [])
  for (const { path, schema, required } of fields.slice(0, MAX_FIELDS)) {
    const field = path.join('.')
    const value = at(args, path)
    const add = (code: ArgumentCode, what: string, invalid: unknown): void => {
      const whole = replaced(args, path, invalid)
      if (violationOf(whole, root) !== undefined) calls.push({ code, field, what, args: whole })
    }
    if (required) add('REQUIRED_NOT_ENFORCED', 'a call without the field', undefined)
    for (const wrong of wrongTypes(value)) add('TYPE_NOT_ENFORCED', `${describe(wrong)}`, wrong)
    for (const { code, what, value: wrong } of outOfBounds(schema, value)) add(code, what, wrong)
    // Tested for one field only, because it takes time.
    if (typeof value === 'string' && !calls.some(({ what }) => what === HUGE)) calls.push(oversize(args, path, root))
  }
  calls.push(...unknowns(tool.inputSchema, args))
  for (const wrong of [['preship'], 'preship', 7])
    calls.push({ code: 'ARGUMENTS_SHAPE_ACCEPTED', what: `${describe(wrong)} as its arguments`, args: wrong })
  return calls
}

function oversize(args: JsonObject, path: Path, root: JsonObject): InvalidCall {
  const whole = replaced(args, path, 'a'.repeat(MEGABYTE))
  const code = violationOf(whole, root) === undefined ? 'SIZE_NOT_BOUNDED' : 'BOUND_NOT_ENFORCED'
  return { code, field: path.join('.'), what: HUGE, args: whole }
}

function unknowns(schema: JsonObject, args: JsonObject): InvalidCall[] {
  const code = schema.additionalProperties === false ? 'ARGUMENT_UNKNOWN_ACCEPTED' : 'ARGUMENT_UNKNOWN_IGNORED'
  const text = JSON.stringify(args).slice(1)
  // Parsed from JSON, because an object literal would set the prototype instead.
  const withProto: unknown = JSON.parse(`{"__proto__":{"preship":1}${text === '}' ? '' : ','}${text}`)
  return [
    { code, what: 'an unknown argument', args: { ...args, preshipUnknown: 'preship' } },
    {
      code,
      what: 'an unknown argument that is nested 100 levels deep',
      args: { ...args, preshipDeep: deep(100) },
    },
    {
      code: 'PROTOTYPE_KEY_ACCEPTED',
      what: 'an argument named constructor',
      args: { ...args, constructor: { prototype: { preship: 1 } } },
    },
    { code: 'PROTOTYPE_KEY_ACCEPTED', what: 'an argument named __proto__', args: withProto },
  ]
}

function deep(levels: number): unknown {
  let value: unknown = 'preship'
  for (let level = 0; level < levels; level += 1) value = { a: value }
  return value
}

interface GivenField {
  readonly path: Path
  readonly schema: JsonObject
  readonly required: boolean
}

/** The fields that the arguments contain, including those in nested objects. */
function fieldsIn(given: JsonObject, root: JsonObject, value: JsonObject, path: Path): GivenField[] {
  const schema = followed(given, root)
  const required = Array.isArray(schema.required) ? (schema.required as unknown[]) : []
  return Object.entries(objectOf(schema.properties)).flatMap(([name, part]) => {
    if (!Object.hasOwn(value, name) || path.length > 4) return []
    const own = followed(objectOf(part), root)
    const inner = value[name]
    const field = { path: [...path, name], schema: own, required: required.includes(name) }
    return [field, ...(isObject(inner) ? fieldsIn(own, root, inner, field.path) : [])]
  })
}

function wrongTypes(value: unknown): unknown[] {
  const all = [7, 'preship', true, ['preship'], { $ne: '' }, null]
  return all.filter(
    each => each === null || typeof each !== typeof value || Array.isArray(each) !== Array.isArray(value),
  )
}

function outOfBounds(schema: JsonObject, value: unknown): { code: ArgumentCode; what: string; value: unknown }[] {
  const { maxLength, minLength, maximum, minimum, exclusiveMaximum, exclusiveMinimum, maxItems, minItems } = schema
  const bound = (what: string, wrong: unknown) => ({ code: 'BOUND_NOT_ENFORCED' as const, what, value: wrong })
  const found: { code: ArgumentCode; what: string; value: unknown }[] = []
  if (Array.isArray(schema.enum) || schema.const !== undefined)
    found.push(
      { code: 'ENUM_NOT_ENFORCED', what: 'a value outside the enum', value: 'preship' },
      { code: 'ENUM_NOT_ENFORCED', what: 'an enum value with a trailing space', value: `${String(value)} ` },
    )
  if (typeof value === 'string' && !Array.isArray(schema.enum)) {
    if (typeof maxLength === 'number' && maxLength < MEGABYTE)
      found.push(bound(`${maxLength + 1} characters, one more than allowed,`, lengthened(value, maxLength + 1)))
    if (typeof minLength === 'number' && minLength > 0)
      found.push(bound('one character less than required', [...value].slice(0, minLength - 1).join('')))
    if (typeof schema.pattern === 'string') {
      const { pattern } = schema
      const breaches = ['!', ' ', '/', '\n', '.', 'é'].flatMap(mark => [value + mark, mark + value])
      for (const wrong of breaches.filter(each => matches(pattern, each) === false).slice(0, 4))
        found.push({ code: 'PATTERN_NOT_ENFORCED', what: 'a string that violates the pattern', value: wrong })
    }
    if (typeof schema.format === 'string')
      found.push({ code: 'FORMAT_NOT_ENFORCED', what: 'a string that violates the format', value: 'pre ship' })
  }
  if (typeof value === 'number')
    for (const [limit, step] of [
      [maximum, 1],
      [exclusiveMaximum, 0],
      [minimum, -1],
      [exclusiveMinimum, 0],
    ] as const)
      if (typeof limit === 'number') found.push(bound(`${limit + step}`, limit + step))
  if (Array.isArray(value)) {
    const [first = 'preship'] = value as unknown[]
    if (typeof maxItems === 'number' && maxItems < 10_000)
      found.push(
        bound(
          'one entry more than allowed',
          Array.from({ length: maxItems + 1 }, () => first),
        ),
      )
    if (typeof minItems === 'number' && minItems > 0)
      found.push(bound('one entry less than required', value.slice(0, minItems - 1)))
  }
  return found
}

/** Lengthens a text with one of its own characters, so that only its length is invalid. */
function lengthened(text: string, length: number): string {
  const filler = /[a-z0-9]/i.exec(text)?.[0] ?? 'a'
  const index = text.includes('@') ? text.indexOf('@') + 1 : text.length
  return text.slice(0, index) + filler.repeat(Math.max(0, length - text.length)) + text.slice(index)
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, name) => objectOf(inner)[name], value)
}

/** @param value undefined removes the field */
function replaced(object: JsonObject, [name = '', ...rest]: Path, value: unknown): JsonObject {
  const { [name]: own, ...others } = object
  if (rest.length > 0) return { ...others, [name]: replaced(objectOf(own), rest, value) }
  return value === undefined ? others : { ...object, [name]: value }
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (isObject(value)) return 'an object'
  return typeof value === 'string' ? 'a string' : typeof value === 'number' ? 'a number' : 'true'
}
