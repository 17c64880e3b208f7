import { UrlPathError } from './errors.ts'

declare const checked: unique symbol
/** A URL path in which each inserted value is exactly one segment. */
export type UrlPath = string & { readonly [checked]: true }

/** Characters that could end a segment, start another part of the URL, or be decoded to such a character. */
const UNSAFE = /[/\\%?#;\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u

const MAX_LENGTH = 256

/**
 * Builds a URL path: urlPath`/customers/${id}`. An inserted value is always exactly one segment. The empty string, `.`,
 * `..`, and values with a slash, a backslash, `%`, `?`, `#`, `;` or a control character are refused. Other characters
 * are percent-encoded.
 *
 * @throws {UrlPathError} if a value cannot be one segment
 */
export function urlPath(literals: TemplateStringsArray, ...values: string[]): UrlPath {
  let path = literals[0] ?? ''
  for (const [index, value] of values.entries()) path += segment(value) + (literals[index + 1] ?? '')
  return path as UrlPath
}

function segment(value: string): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_LENGTH)
    throw new UrlPathError(`a path segment must be a string of 1 to ${MAX_LENGTH} characters`)
  if (value === '.' || value === '..' || UNSAFE.test(value))
    throw new UrlPathError('a path segment cannot contain a separator, an escape or a control character')
  return encodeURIComponent(value)
}
