import type { Field, JsonObject } from '../surface.ts'
import { readPattern } from './pattern.ts'

/** Formats that a value of any length cannot have; `uri` and `regex` are none of them. */
const CLOSED_FORMATS = new Set(
  'date date-time time duration email idn-email hostname idn-hostname ipv4 ipv6 uuid ulid cuid cuid2 nanoid'.split(' '),
)

/** The forms of a field in which a caller writes text of their own: no choice, no constant. */
export function textForms({ forms }: Field): JsonObject[] {
  return forms.filter(
    ({ type, const: constant, enum: choice }) => type === 'string' && constant === undefined && !Array.isArray(choice),
  )
}

/** What is longer than this is bounded in name only. */
const MOST_CHARACTERS = 1_000_000

export function isBounded({ maxLength, format, pattern }: JsonObject): boolean {
  if (typeof maxLength === 'number' && maxLength <= MOST_CHARACTERS) return true
  if (typeof format === 'string' && CLOSED_FORMATS.has(format)) return true
  return readPattern(pattern)?.isBounded === true
}

/** Whether no text of this form can name something in another folder. */
export function excludesSeparators({ pattern }: JsonObject): boolean {
  return readPattern(pattern)?.hasSeparator === false
}

/** Whether a text of this form is an identifier or a date rather than anything that one could write. */
export function isIdentifier({ format, pattern }: JsonObject): boolean {
  if (typeof format === 'string' && CLOSED_FORMATS.has(format)) return true
  const read = readPattern(pattern)
  return read !== undefined && !read.hasSeparator && !read.hasSpace
}
