import type { Field, JsonObject } from '../surface.ts'
import { readPattern } from './pattern.ts'

/** Formats that limit the length and the content of a value. `uri` and `regex` do not. */
const CLOSED_FORMATS = new Set(
  'date date-time time duration email idn-email hostname idn-hostname ipv4 ipv6 uuid ulid cuid cuid2 nanoid'.split(' '),
)

/** The alternatives of a field that accept free text: no enum, no constant. */
export function textForms({ forms }: Field): JsonObject[] {
  return forms.filter(
    ({ type, const: constant, enum: choice }) => type === 'string' && constant === undefined && !Array.isArray(choice),
  )
}

/** A higher limit does not count as a bound. */
const MAX_CHARACTERS = 1_000_000

export function isBounded({ maxLength, format, pattern }: JsonObject): boolean {
  if (typeof maxLength === 'number' && maxLength <= MAX_CHARACTERS) return true
  if (typeof format === 'string' && CLOSED_FORMATS.has(format)) return true
  return readPattern(pattern)?.isBounded === true
}

/** Whether no matching text can contain a path separator. */
export function excludesSeparators({ pattern }: JsonObject): boolean {
  return readPattern(pattern)?.hasSeparator === false
}

/** Whether matching texts are identifiers or dates rather than free text. */
export function isIdentifier({ format, pattern }: JsonObject): boolean {
  if (typeof format === 'string' && CLOSED_FORMATS.has(format)) return true
  const facts = readPattern(pattern)
  return facts !== undefined && !facts.hasSeparator && !facts.hasSpace
}
