import vm from 'node:vm'
import { isObject, type JsonObject, objectOf } from '../surface.ts'

const MAX_DEPTH = 24
const MAX_STEPS = 50_000
const PATTERN_MS = 50
const MOST_SLOW_PATTERNS = 20

/**
 * Whether a value breaks a JSON Schema for sure. What is not known, a keyword or a pattern, breaks nothing: a server
 * must not be blamed for what was not understood here.
 *
 * @returns where it is broken, and how; undefined if it is not
 */
export function breachOf(value: unknown, schema: unknown, root: unknown = schema): string | undefined {
  return breach(value, schema, { root: objectOf(root), steps: MAX_STEPS }, '', 0)
}

interface Run {
  readonly root: JsonObject
  /** A schema that refers to itself can branch for ever. */
  steps: number
}

function breach(value: unknown, given: unknown, run: Run, path: string, depth: number): string | undefined {
  if (given === false) return `${path || 'it'} must not be there`
  run.steps -= 1
  if (!isObject(given) || depth > MAX_DEPTH || run.steps < 0) return undefined
  const schema = followed(given, run.root)
  const at = path || 'it'
  if (schema.const !== undefined && !same(schema.const, value)) return `${at} is not the one value`
  if (Array.isArray(schema.enum) && !schema.enum.some(each => same(each, value))) return `${at} is none of the values`
  if (!isOfType(value, schema.type)) return `${at} is of another type`
  const next = (inner: unknown, part: unknown, name: string): string | undefined =>
    breach(inner, part, run, name, depth + 1)
  const own =
    typeof value === 'string'
      ? breachOfText(value, schema, at)
      : typeof value === 'number'
        ? breachOfNumber(value, schema, at)
        : Array.isArray(value)
          ? breachOfList(value, schema, at, next)
          : isObject(value)
            ? breachOfObject(value, schema, path, next)
            : undefined
  if (own !== undefined) return own
  for (const part of listOf(schema.allOf)) {
    const found = next(value, part, path)
    if (found !== undefined) return found
  }
  for (const key of ['anyOf', 'oneOf'] as const) {
    const parts = listOf(schema[key])
    if (parts.length > 0 && parts.every(part => next(value, part, path) !== undefined))
      return `${at} fits none of the alternatives`
  }
  return undefined
}

type Next = (inner: unknown, part: unknown, name: string) => string | undefined

function breachOfText(text: string, schema: JsonObject, at: string): string | undefined {
  const length = [...text].length
  if (typeof schema.maxLength === 'number' && length > schema.maxLength) return `${at} is too long`
  if (typeof schema.minLength === 'number' && length < schema.minLength) return `${at} is too short`
  if (typeof schema.pattern === 'string' && matches(schema.pattern, text) === false) return `${at} breaks its pattern`
  if (typeof schema.format === 'string' && FORMATS[schema.format]?.test(text) === false)
    return `${at} breaks its format`
  return undefined
}

function breachOfNumber(value: number, schema: JsonObject, at: string): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  if (typeof maximum === 'number' && value > maximum) return `${at} is too great`
  if (typeof minimum === 'number' && value < minimum) return `${at} is too small`
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return `${at} is too great`
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return `${at} is too small`
  return undefined
}

function breachOfList(list: readonly unknown[], schema: JsonObject, at: string, next: Next): string | undefined {
  if (typeof schema.maxItems === 'number' && list.length > schema.maxItems) return `${at} has too many entries`
  if (typeof schema.minItems === 'number' && list.length < schema.minItems) return `${at} has too few entries`
  if (!isObject(schema.items)) return undefined
  for (const [index, each] of list.entries()) {
    const found = next(each, schema.items, `${at}[${index}]`)
    if (found !== undefined) return found
  }
  return undefined
}

function breachOfObject(value: JsonObject, schema: JsonObject, path: string, next: Next): string | undefined {
  const properties = objectOf(schema.properties)
  const named = (name: string): string => (path === '' ? name : `${path}.${name}`)
  for (const name of listOf(schema.required))
    if (typeof name === 'string' && !Object.hasOwn(value, name)) return `${named(name)} is missing`
  for (const [name, inner] of Object.entries(value)) {
    const isKnown = Object.hasOwn(properties, name)
    const isPatterned = Object.keys(objectOf(schema.patternProperties)).length > 0
    if (!isKnown && schema.additionalProperties === false && !isPatterned) return `${named(name)} is not known`
    const part = isKnown ? properties[name] : schema.additionalProperties
    const found = isObject(part) ? next(inner, part, named(name)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** Only what leaves no doubt: formats have corners about which honest programs differ. */
const FORMATS: Readonly<Record<string, RegExp>> = {
  email: /^[^\s@]+@[^\s@]+$/,
  date: /^\d{4}-\d\d-\d\d$/,
  'date-time': /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/i,
  time: /^\d\d:\d\d/,
  uri: /^[a-z][a-z0-9+.-]*:./i,
  url: /^[a-z][a-z0-9+.-]*:./i,
  uuid: /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i,
  ipv4: /^(?:\d{1,3}\.){3}\d{1,3}$/,
  ipv6: /:/,
}

const asked: { pattern: string; text: string; flags: string } = { pattern: '', text: '', flags: '' }
const context = vm.createContext(asked)
const test = new vm.Script('new RegExp(pattern, flags).test(text)')
/** Patterns that took too long. Each costs a moment in which nothing else happens, so there cannot be many. */
const tooSlow = new Set<string>()

/** How one try of a pattern ended, and how long this process itself was at work meanwhile. */
type Try = { readonly end: boolean | 'syntax' | 'time'; readonly cpuMs: number }

/** Whoever was kept from working was not slow: on a busy machine that happens more than once. */
const MOST_TRIES = 10

/** A pattern is the server's, and may have been made to take for ever. Undefined if it cannot be told in time. */
export function matches(pattern: string, text: string, tried: typeof tryOnce = tryOnce): boolean | undefined {
  if (pattern.length > 4_000 || text.length > 4_000) return undefined
  if (tooSlow.has(pattern) || tooSlow.size >= MOST_SLOW_PATTERNS) return undefined
  for (const flags of ['u', '']) {
    let last = tried(pattern, text, flags)
    for (let n = 1; n < MOST_TRIES && last.end === 'time' && last.cpuMs < PATTERN_MS / 2; n += 1)
      last = tried(pattern, text, flags)
    if (last.end === 'syntax') continue
    if (last.end !== 'time') return last.end
    tooSlow.add(pattern)
    return undefined
  }
  return undefined
}

function tryOnce(pattern: string, text: string, flags: string): Try {
  const before = process.cpuUsage()
  let end: Try['end']
  try {
    Object.assign(asked, { pattern, text, flags })
    end = test.runInContext(context, { timeout: PATTERN_MS }) === true
  } catch (error) {
    // Not by class: it is one of the other context's.
    end = (error as { name?: unknown }).name === 'SyntaxError' ? 'syntax' : 'time'
  }
  const { user, system } = process.cpuUsage(before)
  return { end, cpuMs: (user + system) / 1_000 }
}

export function followed(schema: JsonObject, root: JsonObject): JsonObject {
  let at = schema
  for (let steps = 0; steps < 8; steps += 1) {
    const { $ref } = at
    if (typeof $ref !== 'string' || !$ref.startsWith('#/')) return at
    const path = $ref.slice(2).split('/')
    at = objectOf(path.reduce<unknown>((part, key) => objectOf(part)[key.replaceAll('~1', '/')], root))
  }
  return at
}

function isOfType(value: unknown, type: unknown): boolean {
  const types = Array.isArray(type) ? type : [type]
  return types.some(name => {
    if (name === 'string' || name === 'boolean') return typeof value === name
    if (name === 'number') return typeof value === 'number'
    if (name === 'integer') return Number.isInteger(value)
    if (name === 'null') return value === null
    if (name === 'array') return Array.isArray(value)
    if (name === 'object') return isObject(value)
    return true
  })
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, 200) : []
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
