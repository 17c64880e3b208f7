import type { Message } from '../running-server.ts'

const MODERN = '2026-07-28'

/** A request of the modern era, of a client with elicitation. */
export function modernMessage(method: string, params: Message, id: unknown = 1): Message {
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': { name: 'contract', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
  }
  const _meta = { ...envelope, ...(params._meta as Message | undefined) }
  return { jsonrpc: '2.0', id, method, params: { ...params, _meta } }
}

/** The headers of such a request. */
export function modernHeaders(token: string, method: string, { name }: Message = {}): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'MCP-Protocol-Version': MODERN,
    'Mcp-Method': method,
    ...(typeof name === 'string' && { 'Mcp-Name': name }),
    Authorization: `Bearer ${token}`,
  }
}

/** The header lines and the body of such a request, for a client that sends them in pieces. */
export function modernBytes(token: string, method: string, params: Message = {}): { lines: string; body: string } {
  const body = JSON.stringify(modernMessage(method, params))
  const length = { Host: '127.0.0.1', 'Content-Length': `${Buffer.byteLength(body)}` }
  const lines = Object.entries({ ...modernHeaders(token, method, params), ...length })
  return { lines: lines.map(([name, value]) => `${name}: ${value}\r\n`).join(''), body }
}
