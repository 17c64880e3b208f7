import type { AuditKey } from './key.ts'

/**
 * How a value is written to the audit log: in clear, as a pseudonym, or not at all. A function returns whether a value
 * may be written in clear. A record has a policy for each field, a list one policy for all its items. A value without a
 * policy becomes a pseudonym.
 */
export type FieldPolicy =
  | 'clear'
  | 'pseudonym'
  | 'drop'
  | ((value: unknown) => boolean)
  | { readonly [field: string]: FieldPolicy }
  | readonly [FieldPolicy]

/** Values that are nested deeper become one pseudonym. No declared result is as deep. */
const MAX_DEPTH = 16

/**
 * The most undeclared fields that get a pseudonym each. All further ones share a single pseudonym, so that a small call
 * cannot cause a huge record.
 */
const MAX_UNDECLARED = 32

/** A value as the audit log records it. Only values and field names that the policy allows are in clear. */
export function redact(value: unknown, policy: FieldPolicy | undefined, key: AuditKey, depth = 0): unknown {
  if (value === undefined || policy === 'drop') return undefined
  if (policy === 'clear' || typeof policy === 'function') {
    const clear = isScalar(value) && (policy === 'clear' || policy(value))
    return clear ? value : key.pseudonym(asText(value))
  }
  if (depth < MAX_DEPTH) {
    if (Array.isArray(policy) && Array.isArray(value))
      return value.map(item => redact(item, policy[0], key, depth + 1) ?? null)
    if (isPlainRecord(policy) && isPlainRecord(value)) return redactRecord(value, policy, key, depth)
  }
  // Null identifies nobody, and its pseudonym would always be the same.
  if (value === null) return null
  return key.pseudonym(asText(value))
}

function redactRecord(
  value: Record<string, unknown>,
  policy: Record<string, FieldPolicy>,
  key: AuditKey,
  depth: number,
): Record<string, unknown> {
  const fields: [string, unknown][] = []
  const undeclared: [string, unknown][] = []
  for (const [name, item] of Object.entries(value))
    if (Object.hasOwn(policy, name)) fields.push([name, redact(item, policy[name], key, depth + 1)])
    else undeclared.push([name, item])
  // The name of an undeclared field is text from the caller, too.
  for (const [name, item] of undeclared.slice(0, MAX_UNDECLARED))
    fields.push([key.pseudonym(name), redact(item, undefined, key, depth + 1)])
  const rest = undeclared.slice(MAX_UNDECLARED)
  if (rest.length > 0) fields.push([`(${rest.length} more)`, key.pseudonym(asText(rest))])
  return Object.fromEntries(fields.filter(([, item]) => item !== undefined))
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function isPlainRecord(value: unknown): value is Record<string, never> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A string is not encoded as JSON, so that an e-mail address has the same pseudonym everywhere. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return '(too deep to encode)'
  }
}
