import type { Kind } from '../finding.ts'

/** Findings from calls with invalid arguments. */
export const ARGUMENT_KINDS = {
  ARGUMENT_UNKNOWN_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts an argument that the schema forbids',
    why: 'The schema sets additionalProperties to false, but the handler does not enforce it. A caller can pass a filter, a flag or an owner that nobody reviewed (mass assignment).',
    narrow: 'Reject unknown arguments in the handler, for example with z.strictObject or a JSON Schema validator.',
  },
  ARGUMENT_UNKNOWN_IGNORED: {
    item: 2,
    severity: 'warning',
    title: 'Handler accepts unknown arguments',
    why: 'The schema allows any further argument, so the accepted input cannot be listed or reviewed.',
    narrow: 'Publish additionalProperties: false, and reject unknown arguments in the handler.',
  },
  PROTOTYPE_KEY_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts __proto__ or constructor as an argument',
    why: 'Merging such a key into an object can change the behaviour of other code (prototype pollution).',
    narrow: 'Reject unknown arguments before anything is copied or merged, and build objects from known names only.',
  },
  TYPE_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts a value of the wrong type',
    why: 'Code written for strings then receives an object or a list. This enables operator injection, bypasses string checks and causes crashes.',
    narrow: 'Check the type of every field in the handler, without coercion.',
  },
  REQUIRED_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts a call without a required argument',
    why: 'The meaning of the missing value is undefined. It may select all records, disable a filter or use a default account.',
    narrow: 'Reject the call in the handler if a required argument is missing.',
  },
  BOUND_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts a value beyond a published limit',
    why: 'Only well-behaved clients respect a published limit. An attacker’s client does not.',
    narrow: 'Check lengths, counts and ranges in the handler as well.',
  },
  ENUM_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts a value outside the enum',
    why: 'The enum limits the possible outcomes. Without the check, free text reaches the backend.',
    narrow: 'Compare the value with the closed list in the handler.',
  },
  PATTERN_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts a string that violates its pattern',
    why: 'Patterns usually keep separators, spaces and control characters out of ids and names. Without the check, they can be used for injection.',
    narrow: 'Test the same pattern in the handler, anchored at both ends.',
  },
  FORMAT_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts a string that violates its format',
    why: 'An invalid address, date or id is passed on, and the next component decides how to interpret it.',
    narrow: 'Check the format in the handler. Most JSON Schema validators do so only if it is enabled.',
  },
  SIZE_NOT_BOUNDED: {
    item: 2,
    severity: 'warning',
    title: 'Handler accepts a string of a million characters',
    why: 'A caller can exhaust memory, disk space or a backend quota (denial of service).',
    narrow: 'Publish a maxLength for every string, and check it in the handler.',
  },
  ARGUMENTS_SHAPE_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'Handler accepts arguments that are not an object',
    why: 'A list or a string in place of the arguments bypasses every field check.',
    narrow: 'Reject calls whose arguments are not an object.',
  },
  REFUSAL_AS_SUCCESS: {
    item: 2,
    severity: 'error',
    title: 'Refused call is reported as a success',
    why: 'The text says that the call failed, but the result says that it succeeded. Clients, logs and rate limits that count failures do not notice it.',
    narrow: 'Return isError: true or a JSON-RPC error for refused calls.',
  },
  CALL_UNANSWERED: {
    item: 2,
    severity: 'error',
    title: 'Call received no answer or ended the server',
    why: 'One invalid argument from one caller can block or crash the server for every client that shares it (denial of service).',
    narrow: 'Answer every call within a deadline, and turn exceptions in handlers into error results.',
  },
} as const satisfies Record<string, Kind>

export type ArgumentCode = keyof typeof ARGUMENT_KINDS
