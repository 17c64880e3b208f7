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

/** This code and libraries keep the ids of open calls, so a caller could otherwise fill the memory with long ids. */
const MAX_ID_CHARACTERS = 256

export function isId(id: unknown): id is RpcId {
  return typeof id === 'string' ? id.length <= MAX_ID_CHARACTERS : typeof id === 'number' && Number.isSafeInteger(id)
}

/** The value if it is an object, otherwise an empty object. For reading untrusted input field by field. */
export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/**
 * An error reply to a call, with the error code in both the message and the data.
 *
 * @param data further data that the protocol requires, such as the supported versions
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

/** An error reply to a message that is not a call, or whose id is unknown. */
export function rejection({ code, message }: AuditError, id: RpcId | null = null): JsonRpc {
  const number = id === null && code === 'INVALID_INPUT' ? PARSE_ERROR : INVALID_REQUEST
  return { jsonrpc: '2.0', id, error: { code: number, message: `${code}: ${message}`, data: { code } } }
}

const MAX_CLIENT_TEXT = 80

/** The name and version that a client claims, truncated and without characters that could disturb a terminal. */
export function clientOf(value: unknown): Client | undefined {
  const { name, version } = asRecord(value)
  if (typeof name !== 'string' || typeof version !== 'string') return undefined
  return { name: printable(name), version: printable(version) }
}

function printable(text: string): string {
  return text.slice(0, MAX_CLIENT_TEXT).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
}
