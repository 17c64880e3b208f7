import { CodedError } from '#call'

/** Tells what a status means in our own words. The backend's words are not passed on. */
export function refusal({ status, headers }: Response, refusals: Readonly<Record<number, string>> = {}): CodedError {
  const retryAfterSeconds = retryAfter(headers.get('retry-after'))
  const wait = retryAfterSeconds === undefined ? 'later' : `after ${retryAfterSeconds} seconds`
  if (status === 429)
    return new CodedError('RATE_LIMITED', `The backend’s rate limit is reached. Try again ${wait}.`, {
      retryAfterSeconds,
    })
  if (status === 503)
    return new CodedError('BACKEND_UNAVAILABLE', `The backend is not available. Try again ${wait}.`, {
      retryAfterSeconds,
    })
  if (status === 404) return new CodedError('NOT_FOUND', 'The backend has no such record.')
  if (status === 401 || status === 403)
    return new CodedError('BACKEND_REFUSED', 'The backend does not permit this server to do that. Tell the operator.')
  if (status >= 300 && status < 400)
    return new CodedError(
      'BACKEND_UNAVAILABLE',
      'The backend answered with a redirect, which is never followed. Tell the operator.',
    )
  return new CodedError(
    'BACKEND_REFUSED',
    refusals[status] ?? 'The backend refused these values. Change them before you try again.',
  )
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3), as whole seconds between 1 and a day. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 1), 86_400) : undefined
}
