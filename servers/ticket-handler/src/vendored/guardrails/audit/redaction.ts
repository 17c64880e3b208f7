import type { AuditKey } from './key.ts'

/**
 * How a value is written to the audit log: as it is (a function: as it is if that holds of it), as a pseudonym, or not
 * at all. A record gives a policy per field, a list one for its items. What has no policy becomes a pseudonym.
 */
export type FieldPolicy =
  | 'clear'
  | 'pseudonym'
  | 'drop'
  | ((value: unknown) => boolean)
  | { readonly [field: string]: FieldPolicy }
  | readonly [FieldPolicy]

/** Deeper than any declared result: what lies below is one pseudonym. */
const MAX_DEPTH = 16

/** Fields that nobody declared: beyond so many, all that are left are one pseudonym, or a small call made a huge record. */
const MAX_UNDECLARED = 32

/**
 * The audit log's view of a value. Allow-list: nothing is in clear, no field's name either, unless the policy says so.
 */
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
  // A boolean or nothing at all would be the same pseudonym every time, and has no person in it.
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
  // The name of a field that nobody declared is the caller's text too.
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

/** A string stands for itself, so that an e-mail address has one pseudonym wherever it turns up. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return '(too deep to write)'
  }
}
