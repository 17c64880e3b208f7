import type { AuditError, Client, Trace } from './record.ts'

/** Any JSON-RPC 2.0 message. */
export interface JsonRpc {
  readonly jsonrpc: '2.0'
  readonly [field: string]: unknown
}

export type RpcId = string | number

const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600
export const INTERNAL_ERROR = -32603

/** Ids are kept while a call is open, here and by libraries: a caller must not be able to fill the memory with them. */
const MAX_ID_CHARACTERS = 256

export function isId(id: unknown): id is RpcId {
  return typeof id === 'string' ? id.length <= MAX_ID_CHARACTERS : typeof id === 'number' && Number.isSafeInteger(id)
}

/** The value if it is an object, else one without fields: what a caller sent is read field by field. */
export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/**
 * An error reply for one call: coded in its text and in its data.
 *
 * @param data what the protocol itself says there: the versions that are supported
 */
export function errorReply(id: RpcId, code: number, error: AuditError, trace: Trace, data?: unknown): JsonRpc {
  return {
    jsonrpc: '2.0',
    id,
    error: {
      code,
      message: `${error.code}: ${error.message}`,
      data: { ...asRecord(data), code: error.code, traceId: trace.traceId },
    },
  }
}

/** An error reply to what is no call, or whose id cannot be known. */
export function rejection({ code, message }: AuditError, id: RpcId | null = null): JsonRpc {
  const number = id === null && code === 'INVALID_INPUT' ? PARSE_ERROR : INVALID_REQUEST
  return { jsonrpc: '2.0', id, error: { code: number, message: `${code}: ${message}`, data: { code } } }
}

const MAX_CLIENT_TEXT = 80

/** A client's name and version, by its own word: bounded, and without what could disturb a reader's terminal. */
export function clientOf(value: unknown): Client | undefined {
  const { name, version } = asRecord(value)
  if (typeof name !== 'string' || typeof version !== 'string') return undefined
  return { name: printable(name), version: printable(version) }
}

function printable(text: string): string {
  return text.slice(0, MAX_CLIENT_TEXT).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
}
