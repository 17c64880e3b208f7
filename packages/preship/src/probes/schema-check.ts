import vm from 'node:vm'
import { isObject, type JsonObject, objectOf } from '../surface.ts'

const MAX_DEPTH = 24
const MAX_STEPS = 50_000
const PATTERN_MS = 50
const MAX_SLOW_PATTERNS = 20

/**
 * Checks whether a value certainly violates a JSON Schema. Unknown keywords and unreadable patterns count as satisfied,
 * so that a server is not blamed for what preship does not understand.
 *
 * @returns where and how the value violates the schema; undefined if it does not
 */
export function violationOf(value: unknown, schema: unknown, root: unknown = schema): string | undefined {
  return violation(value, schema, { root: objectOf(root), steps: MAX_STEPS }, '', 0)
}

interface Run {
  readonly root: JsonObject
  /** Limits the work on schemas that refer to themselves. */
  steps: number
}

function violation(value: unknown, given: unknown, run: Run, path: string, depth: number): string | undefined {
  if (given === false) return `${path || 'the value'} is not allowed`
  run.steps -= 1
  if (!isObject(given) || depth > MAX_DEPTH || run.steps < 0) return undefined
  const schema = followed(given, run.root)
  const at = path || 'the value'
  if (schema.const !== undefined && !same(schema.const, value)) return `${at} is not the constant`
  if (Array.isArray(schema.enum) && !schema.enum.some(each => same(each, value)))
    return `${at} is not one of the enum values`
  if (!isOfType(value, schema.type)) return `${at} has the wrong type`
  const next = (inner: unknown, part: unknown, name: string): string | undefined =>
    violation(inner, part, run, name, depth + 1)
  const own =
    typeof value === 'string'
      ? violationInText(value, schema, at)
      : typeof value === 'number'
        ? violationInNumber(value, schema, at)
        : Array.isArray(value)
          ? violationInList(value, schema, at, next)
          : isObject(value)
            ? violationInObject(value, schema, path, next)
            : undefined
  if (own !== undefined) return own
  for (const part of listOf(schema.allOf)) {
    const found = next(value, part, path)
    if (found !== undefined) return found
  }
  for (const key of ['anyOf', 'oneOf'] as const) {
    const parts = listOf(schema[key])
    if (parts.length > 0 && parts.every(part => next(value, part, path) !== undefined))
      return `${at} matches none of the alternatives`
  }
  return undefined
}

type Next = (inner: unknown, part: unknown, name: string) => string | undefined

function violationInText(text: string, schema: JsonObject, at: string): string | undefined {
  if (typeof schema.maxLength === 'number' && isLonger(text, schema.maxLength)) return `${at} is too long`
  if (typeof schema.minLength === 'number' && isShorter(text, schema.minLength)) return `${at} is too short`
  if (typeof schema.pattern === 'string' && matches(schema.pattern, text) === false)
    return `${at} does not match its pattern`
  if (typeof schema.format === 'string' && FORMATS[schema.format]?.test(text) === false)
    return `${at} does not match its format`
  return undefined
}

/** JSON Schema counts Unicode characters, which have one or two units each. They are counted only if that matters. */
function isLonger(text: string, max: number): boolean {
  return text.length > max && (text.length > 2 * max || [...text].length > max)
}

function isShorter(text: string, min: number): boolean {
  return text.length < min || (text.length < 2 * min && [...text].length < min)
}

function violationInNumber(value: number, schema: JsonObject, at: string): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  if (typeof maximum === 'number' && value > maximum) return `${at} is too large`
  if (typeof minimum === 'number' && value < minimum) return `${at} is too small`
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return `${at} is too large`
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return `${at} is too small`
  return undefined
}

function violationInList(list: readonly unknown[], schema: JsonObject, at: string, next: Next): string | undefined {
  if (typeof schema.maxItems === 'number' && list.length > schema.maxItems) return `${at} has too many entries`
  if (typeof schema.minItems === 'number' && list.length < schema.minItems) return `${at} has too few entries`
  if (!isObject(schema.items)) return undefined
  for (const [index, each] of list.entries()) {
    const found = next(each, schema.items, `${at}[${index}]`)
    if (found !== undefined) return found
  }
  return undefined
}

function violationInObject(value: JsonObject, schema: JsonObject, path: string, next: Next): string | undefined {
  const properties = objectOf(schema.properties)
  const named = (name: string): string => (path === '' ? name : `${path}.${name}`)
  for (const name of listOf(schema.required))
    if (typeof name === 'string' && !Object.hasOwn(value, name)) return `${named(name)} is missing`
  for (const [name, inner] of Object.entries(value)) {
    const isKnown = Object.hasOwn(properties, name)
    const isPatterned = Object.keys(objectOf(schema.patternProperties)).length > 0
    if (!isKnown && schema.additionalProperties === false && !isPatterned)
      return `${named(name)} is an unknown property`
    const part = isKnown ? properties[name] : schema.additionalProperties
    const found = isObject(part) ? next(inner, part, named(name)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** Lenient patterns: implementations of these formats differ in corner cases. */
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

const input: { pattern: string; text: string; flags: string } = { pattern: '', text: '', flags: '' }
const context = vm.createContext(input)
const test = new vm.Script('new RegExp(pattern, flags).test(text)')
/** Patterns that timed out. Each blocks this process for a moment, so their number is limited. */
const tooSlow = new Set<string>()
/** Results by pattern and text. Each run with a timeout is expensive, and probes test the same fields many times. */
const results = new Map<string, boolean>()
const MAX_RESULTS = 1_000

/** The outcome of one attempt, and the CPU time that this process used meanwhile. */
type PatternRun = { readonly end: boolean | 'syntax' | 'time'; readonly cpuMs: number }

/** On a busy machine, a timeout without CPU use does not mean that the pattern is slow, so it is tried again. */
const MAX_PATTERN_RUNS = 10

/**
 * Tests a pattern with a timeout, because the server may have made it take exponential time (ReDoS). Returns undefined
 * if the pattern is invalid or too slow.
 */
export function matches(pattern: string, text: string, run: typeof runOnce = runOnce): boolean | undefined {
  if (pattern.length > 4_000 || text.length > 4_000) return undefined
  if (tooSlow.has(pattern) || tooSlow.size >= MAX_SLOW_PATTERNS) return undefined
  const key = JSON.stringify([pattern, text])
  const known = results.get(key)
  if (known !== undefined) return known
  for (const flags of ['u', '']) {
    let last = run(pattern, text, flags)
    for (let n = 1; n < MAX_PATTERN_RUNS && last.end === 'time' && last.cpuMs < PATTERN_MS / 2; n += 1)
      last = run(pattern, text, flags)
    if (last.end === 'syntax') continue
    if (last.end !== 'time') return remember(key, last.end)
    tooSlow.add(pattern)
    return undefined
  }
  return undefined
}

function remember(key: string, result: boolean): boolean {
  if (results.size >= MAX_RESULTS) results.clear()
  results.set(key, result)
  return result
}

function runOnce(pattern: string, text: string, flags: string): PatternRun {
  const before = process.cpuUsage()
  let end: PatternRun['end']
  try {
    Object.assign(input, { pattern, text, flags })
    end = test.runInContext(context, { timeout: PATTERN_MS }) === true
  } catch (error) {
    // The error belongs to the other context, so instanceof does not work.
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
