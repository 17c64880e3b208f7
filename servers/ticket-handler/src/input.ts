// Copied on purpose: a fault here must stay here.
import { CodedError } from './errors.ts'
import type { Tool } from './tool.ts'

const MAX_FAULTS = 8

/**
 * Checks a call's arguments at run time against the strict schema that clients see, whatever the client checked.
 *
 * @throws {CodedError} `INVALID_INPUT`, naming the arguments at fault; repeats nothing that the caller made up
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
  throw new CodedError('INVALID_INPUT', [...new Set(faults)].slice(0, MAX_FAULTS).join('; '))
}
