import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { isLoopback } from './loopback.ts'

/** The forms that values of variables have. A message completes the sentence “NAME …”. */

export const AbsolutePath = z.string().refine(isAbsolute, 'must be an absolute path')

/** A whole number of milliseconds. */
export function milliseconds(min: number, max: number) {
  return z.coerce.number('must be a number').int('must be a whole number').min(min).max(max)
}

/** An http or https URL without a credential, query or fragment. Plain http is for loopback alone. */
export const SafeUrl = z.string().superRefine((text, context) => {
  const problem = problemOfUrl(text)
  if (problem) context.addIssue(problem)
})

export const ApiUrl = SafeUrl.transform(text => new URL(text))

/** A URL in the one spelling that clients give it: a token for any other spelling would not be for this server. */
export const PublicUrl = SafeUrl.refine(
  text => !URL.canParse(text) || [text, `${text}/`].includes(new URL(text).href),
  'must be spelled as clients will: the host in lower case, no port that goes without saying, nothing to resolve or escape',
)

/** `host` or `host:port`, separated by commas. */
export const HostList = list(/^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/, 'host,host:port')

/** `scheme://host` or `scheme://host:port`, separated by commas. */
export const OriginList = list(
  /^[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/,
  'https://host,https://host:port',
)

export const LogLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])

function list(form: RegExp, example: string) {
  return z
    .string()
    .transform(text => text.split(',').map(item => item.trim().toLowerCase()))
    .refine(items => items.every(item => form.test(item)), `must be a list of the form ${example}`)
}

function problemOfUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http or https URL'
  if (url.username || url.password) return 'must not hold a credential'
  if (url.search || url.hash) return 'must not have a query or a fragment'
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return 'must be https: over http the credential could be read on the way'
  return undefined
}
