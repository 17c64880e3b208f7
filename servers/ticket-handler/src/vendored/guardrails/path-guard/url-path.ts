import { UrlPathError } from './errors.ts'

declare const checked: unique symbol
/** A URL path whose inserted values are each exactly one segment. */
export type UrlPath = string & { readonly [checked]: true }

/** What could end a segment, begin another part of the URL, or be decoded into something that does. */
const UNSAFE = /[/\\%?#;\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u

const MAX_LENGTH = 256

/**
 * Builds a URL path: urlPath`/customers/${id}`. An inserted value can only ever be one segment of it: empty, `.`,
 * `..`, slashes, percent-encodings, `?`, `#`, `;` and control characters are refused, all else is encoded.
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
    throw new UrlPathError(`a path segment is a string of 1 to ${MAX_LENGTH} characters`)
  if (value === '.' || value === '..' || UNSAFE.test(value))
    throw new UrlPathError('a path segment cannot hold a separator, an escape or a control character')
  return encodeURIComponent(value)
}
