import { errorCodeOf, type Message } from './running-server.ts'

/** All error codes that a caller can receive. */
export const ERROR_CODES = [
  'INVALID_INPUT',
  'NOT_FOUND',
  'NOT_A_DRAFT',
  'CONFIRMATION_UNAVAILABLE',
  'CONFIRMATION_DECLINED',
  'CONFIRMATION_INVALID',
  'FORBIDDEN',
  'BACKEND_REFUSED',
  'BACKEND_UNAVAILABLE',
  'RATE_LIMITED',
  'OUTCOME_UNKNOWN',
  'AUDIT_UNAVAILABLE',
  'CANCELLED',
  'INTERNAL',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

/** Checks a reply that has to be a coded error. Returns its fault, or undefined. */
export function faultOfRefusal(reply: Message): string | undefined {
  const code = errorCodeOf(reply)
  if (!ERROR_CODES.includes(code as ErrorCode)) return `is not a coded error: ${JSON.stringify(reply).slice(0, 300)}`
  // INTERNAL reports a bug in the server.
  if (code === 'INTERNAL') return 'it is an internal error'
  const { error, result } = reply as {
    error?: { message?: string }
    result?: { content?: { text?: string }[]; structuredContent?: unknown; _meta?: { traceId?: string } }
  }
  const text = error ? error.message : result?.content?.[0]?.text
  if (!text?.startsWith(`${code}: `)) return `its text does not begin with its code: ${text?.slice(0, 100)}`
  if (text.length > 1000) return `its text has ${text.length} characters`
  if (/\n\s+at /.test(text)) return 'it has a stack trace'
  if (result && !/^[0-9a-f]{32}$/.test(result._meta?.traceId ?? '')) return 'it has no trace id'
  if (result?.structuredContent !== undefined) return 'it has structured content'
  return undefined
}
