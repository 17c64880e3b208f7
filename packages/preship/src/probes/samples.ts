import { isObject, type JsonObject, objectOf, type Tool } from '../surface.ts'
import { textLike } from './pattern-sample.ts'
import { followed, violationOf } from './schema-check.ts'

const MAX_DEPTH = 6
const MAX_STEPS = 2_000

/** Strings from earlier results, by the name of their field. */
export type Known = ReadonlyMap<string, readonly string[]>

/** A syllable that occurs in many names and texts, so that a search finds something. */
const WORD = 'an'

const FORMAT_SAMPLES: Readonly<Record<string, string>> = {
  email: 'preship@example.com',
  date: '2026-01-31',
  'date-time': '2026-01-31T12:00:00Z',
  time: '12:00:00Z',
  uri: 'https://example.com/a',
  url: 'https://example.com/a',
  uuid: '3f2b8c1e-7d4a-4b6f-9a2c-5e8d1f0b3c7a',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  hostname: 'example.com',
}

/** Generates arguments that are valid by a tool’s schema. Returns undefined if none are found. */
export function argumentsFor(tool: Tool, known: Known, only: 'required' | 'all'): JsonObject | undefined {
  const root = tool.inputSchema
  const value = sample(root, { root, known, only, steps: MAX_STEPS }, '', 0)
  return isObject(value) && violationOf(value, root) === undefined ? value : undefined
}

interface Run {
  readonly root: JsonObject
  readonly known: Known
  readonly only: 'required' | 'all'
  /** Limits the work on schemas that refer to themselves. */
  steps: number
}

function sample(given: unknown, run: Run, name: string, depth: number): unknown {
  const schema = followed(objectOf(given), run.root)
  run.steps -= 1
  if (depth > MAX_DEPTH || run.steps < 0) return undefined
  const inner = (part: unknown, as: string): unknown => sample(part, run, as, depth + 1)
  if (schema.const !== undefined) return schema.const
  const [choice] = Array.isArray(schema.enum) ? (schema.enum as unknown[]) : []
  if (choice !== undefined) return choice
  for (const key of ['anyOf', 'oneOf'] as const) {
    const options = Array.isArray(schema[key]) ? (schema[key] as unknown[]) : []
    const [option] = options.filter(each => objectOf(each).type !== 'null')
    if (option !== undefined && schema.properties === undefined) return inner(option, name)
  }
  const type = Array.isArray(schema.type) ? schema.type.find(each => each !== 'null') : schema.type
  if (type === 'boolean') return false
  if (type === 'null') return null
  if (type === 'integer' || type === 'number') return numberFor(schema)
  if (type === 'array') return Array.from({ length: countOf(schema.minItems) }, () => inner(schema.items, name))
  if (type === 'object' || isObject(schema.properties)) return objectFor(schema, run.only, inner)
  if (type === undefined && Object.keys(schema).length === 0) return WORD
  return textFor(schema, name, run.known)
}

function objectFor(schema: JsonObject, only: 'required' | 'all', inner: (part: unknown, as: string) => unknown) {
  const required = Array.isArray(schema.required) ? (schema.required as unknown[]) : []
  const names = Object.keys(objectOf(schema.properties)).filter(name => only === 'all' || required.includes(name))
  const entries = names.slice(0, 60).map(name => [name, inner(objectOf(schema.properties)[name], name)] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function numberFor({ minimum, exclusiveMinimum, maximum, exclusiveMaximum, default: usual }: JsonObject): number {
  if (typeof usual === 'number') return usual
  if (typeof minimum === 'number') return minimum
  if (typeof exclusiveMinimum === 'number') return exclusiveMinimum + 1
  const most = typeof maximum === 'number' ? maximum : typeof exclusiveMaximum === 'number' ? exclusiveMaximum - 1 : 1
  return Math.min(1, most)
}

function textFor(schema: JsonObject, name: string, known: Known): string | undefined {
  const fits = (text: string): boolean => violationOf(text, schema) === undefined
  const least = countOf(schema.minLength)
  const candidates = [
    ...(known.get(name.toLowerCase()) ?? []),
    ...[schema.default, ...(Array.isArray(schema.examples) ? (schema.examples as unknown[]) : [])],
    typeof schema.format === 'string' ? FORMAT_SAMPLES[schema.format] : undefined,
    typeof schema.pattern === 'string' ? textLike(schema.pattern, least) : undefined,
    WORD,
    'a',
    WORD.repeat(Math.ceil(Math.min(least, 5_000) / WORD.length)),
    '1',
  ]
  return candidates.filter(each => typeof each === 'string').find(fits)
}

function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(Math.ceil(value), 5_000) : 0
}
