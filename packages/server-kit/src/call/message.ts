import { isUtf8 } from 'node:buffer'
import { isId, type JsonRpc, type WireFault } from '#guardrails/audit'

/** Deeper than any message of the protocol, and far below what overflows the stack. */
const MAX_DEPTH = 64
/** More than any message of the protocol has. A small message can be large in memory: an empty list takes twenty times its bytes. */
const MAX_VALUES = 2_000

/**
 * Parses one JSON-RPC message of either transport. Returns undefined for blank input. The result is only known to be an
 * object: the transport checks whether it is a message of the protocol.
 */
export function parseMessage(bytes: Buffer): { message: JsonRpc } | WireFault | undefined {
  // Decoding would replace invalid bytes silently.
  if (!isUtf8(bytes)) return { reason: 'not UTF-8' }
  const text = bytes.toString('utf8')
  if (/^[ \t\r\n]*$/.test(text)) return undefined
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return { reason: 'not JSON' }
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    return { reason: 'not a JSON-RPC message' }
  if (isDeeperThan(MAX_DEPTH, message))
    return { message: outlineOf(message), reason: `nested deeper than ${MAX_DEPTH} levels` }
  if (valuesIn(message) > MAX_VALUES)
    return { message: outlineOf(message), reason: `made up of more than ${MAX_VALUES} values` }
  // Libraries drop this argument silently, and the call would then be a different one.
  const { params } = message as { params?: { arguments?: unknown } | null }
  if (Object.hasOwn(params?.arguments ?? {}, '__proto__'))
    return { message: outlineOf(message), reason: 'an argument named __proto__' }
  const { id } = message as { id?: unknown }
  if (typeof id === 'string' && !isId(id))
    return { message: { ...outlineOf(message), id: null }, reason: 'its id is too long' }
  return { message: answered(message as JsonRpc) }
}

/** Turns a result that is not an object into an error: the SDK drops such an answer, and its request would stay open. */
function answered(message: JsonRpc): JsonRpc {
  const { id, method, result } = message
  const isVoid = typeof result !== 'object' || result === null || Array.isArray(result)
  if (method !== undefined || id === undefined || !('result' in message) || !isVoid) return message
  return { jsonrpc: '2.0', id, error: { code: -32600, message: 'the result is no object' } }
}

/** The fields that are needed to answer and record a message, without anything nested. */
function outlineOf(message: object): object {
  const { id, method, params } = message as { id?: unknown; method?: unknown; params?: { name?: unknown } }
  const name = params?.name
  return { id, method, ...(typeof name === 'string' && { params: { name } }) }
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(item => isDeeperThan(levels - 1, item))
}

function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((count, item) => count + valuesIn(item), 1)
}
