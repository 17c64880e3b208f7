import type { JsonRpc } from '#guardrails/audit'

type Fields = Readonly<Record<string, unknown>>

export interface McpRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly message: JsonRpc
}

const MODERN = '2026-07-28'
const LEGACY = '2025-06-18'
const CLIENT = { name: 'test-client', version: '1.0.0' }
const HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' }

/** A modern request, as a client makes it. */
export function modern(method: string, params: Fields = {}, id: unknown = 1): McpRequest {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': CLIENT,
    'io.modelcontextprotocol/clientCapabilities': {},
    ...(params._meta as Fields | undefined),
  }
  const name = typeof params.name === 'string' && { 'Mcp-Name': params.name }
  return {
    headers: { ...HEADERS, 'MCP-Protocol-Version': MODERN, 'Mcp-Method': method, ...name },
    message: { jsonrpc: '2.0', ...(id !== undefined && { id }), method, params: { ...params, _meta } },
  }
}

/** A modern call of a tool of the test server. */
export function modernCall(name = 'readNote', text = 'hello', id: unknown = 1): McpRequest {
  return modern('tools/call', { name, arguments: { text } }, id)
}

/** A legacy message, in a session or before there is one. */
export function legacy(fields: Fields, session?: string): McpRequest {
  const inSession = session !== undefined && { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': LEGACY }
  return { headers: { ...HEADERS, ...inSession }, message: { jsonrpc: '2.0', ...fields } }
}

export function initialize(): McpRequest {
  const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo: CLIENT }
  return legacy({ id: 0, method: 'initialize', params })
}

/** A legacy call of a tool of the test server. */
export function legacyCall(session: string, id: unknown, name = 'readNote', text = 'hello'): McpRequest {
  return legacy({ id, method: 'tools/call', params: { name, arguments: { text } } }, session)
}

/** The messages of a reply, be it JSON or an event stream. */
export function messagesIn(text: string): JsonRpc[] {
  if (text.startsWith('{')) return [JSON.parse(text) as JsonRpc]
  const lines = text.split('\n').filter(line => line.startsWith('data: {'))
  return lines.map(line => JSON.parse(line.slice('data: '.length)) as JsonRpc)
}

/** The error code in the only message of a reply. */
export function codeIn(text: string): unknown {
  const [message] = messagesIn(text)
  return (message?.error as { data?: { code?: unknown } } | undefined)?.data?.code
}
