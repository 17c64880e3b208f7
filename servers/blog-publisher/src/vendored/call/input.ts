import { CodedError, ERROR_CODES, type ErrorCode } from './errors.ts'
import type { Tool } from './tool.ts'

const MAX_FAULTS = 8

/**
 * Checks a call's arguments at run time against the strict schema that clients see, whatever the client checked.
 *
 * @throws {CodedError} `INVALID_INPUT`, or the code that the field's schema names in `params.code`. The message names
 *   the arguments at fault and repeats nothing that the caller made up.
 */
export function parseInput<Ports>(tool: Tool<Ports>, args: unknown): unknown {
  const names = Object.keys(tool.inputSchema.properties ?? {})
  const unknown =
    names.length === 0 ? 'this tool takes no arguments' : `unknown argument; there are: ${names.join(', ')}`
  const parsed = tool.parse(args ?? {})
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, code, message }) => {
    if (code === 'unrecognized_keys') return unknown
    return path.length === 0 ? message : `${path.join('.')}: ${message}`
  })
  const codes = new Set(parsed.error.issues.map(issue => (issue.code === 'custom' ? issue.params?.code : undefined)))
  throw new CodedError(onlyCode(codes) ?? 'INVALID_INPUT', [...new Set(faults)].slice(0, MAX_FAULTS).join('; '))
}

/** The code that all faults name, if there is one. */
function onlyCode(codes: ReadonlySet<unknown>): ErrorCode | undefined {
  const [code] = codes
  return codes.size === 1 ? ERROR_CODES.find(known => known === code) : undefined
}
