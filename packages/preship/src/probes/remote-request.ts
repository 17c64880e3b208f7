import { type IncomingHttpHeaders, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { isObject, type JsonObject, objectOf } from '../surface.ts'
import { WireError } from '../wire/wire.ts'
import type { RemoteEndpoint } from './probe.ts'

/** An HTTP reply before it is interpreted. */
export interface RawReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The beginning of the body. */
  readonly text: string
}

const MAX_BYTES = 256 * 1024

/** Sends one request. Unlike `fetch`, it lets the caller set Host; it does not follow redirects. @throws {WireError} */
export async function send(
  url: URL,
  options: { method: string; headers?: Record<string, string>; body?: string; timeoutMs: number },
): Promise<RawReply> {
  const { method, headers = {}, body, timeoutMs } = options
  const request = url.protocol === 'https:' ? tlsRequest : plainRequest
  return await new Promise((resolve, reject) => {
    const failed = (): void =>
      reject(new WireError('closed', 'the server cannot be reached, or it closed the connection'))
    const sent = request(url, { method, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) }, response => {
      const chunks: Buffer[] = []
      let bytes = 0
      const end = (): void => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      }
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        // An event stream may stay open. Its first message is enough.
        if (bytes < MAX_BYTES && !/\ndata: ?\{.*\n/.test(`\n${String(chunk)}`)) return
        end()
        response.destroy()
      })
      response.once('end', end).once('error', failed)
    })
    sent.once('error', failed)
    sent.end(body)
  })
}

const CLIENT = { name: 'preship', version: '0.1.0' }
const MODERN = '2026-07-28'

/** The first request of a client in each protocol era. */
const HANDSHAKES = {
  legacy: { method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: CLIENT } },
  modern: {
    method: 'server/discover',
    params: {
      _meta: {
        'io.modelcontextprotocol/protocolVersion': MODERN,
        'io.modelcontextprotocol/clientInfo': CLIENT,
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  },
} as const

export type Access = 'granted' | 'refused' | 'unclear'

/** Sends the first request of both protocol eras, and tells whether one of them was answered. @throws {WireError} */
export async function handshake(
  endpoint: Pick<RemoteEndpoint, 'url' | 'timeoutMs'>,
  headers: Record<string, string> = {},
): Promise<{ access: Access; reply: RawReply }> {
  let first: RawReply | undefined
  for (const era of ['legacy', 'modern'] as const) {
    const { method, params } = HANDSHAKES[era]
    const reply = await post(endpoint, era, method, params, headers)
    if (isAnswered(reply)) return { access: 'granted', reply }
    if (reply.status === 401) return { access: 'refused', reply }
    first ??= reply
  }
  const reply = first as RawReply
  return { access: reply.status === 403 ? 'refused' : 'unclear', reply }
}

/**
 * Sends requests without a handshake before: some servers check tokens only in the handshake.
 *
 * @returns the method that was answered with a result
 * @throws {WireError}
 */
export async function callWithoutHandshake(
  endpoint: Pick<RemoteEndpoint, 'url' | 'timeoutMs'>,
  headers: Record<string, string> = {},
): Promise<string | undefined> {
  for (const era of ['legacy', 'modern'] as const)
    for (const [method, params] of [
      ['tools/list', {}],
      ['tools/call', { name: 'preshipNoSuchTool', arguments: {} }],
    ] as const) {
      const own = era === 'modern' ? { ...params, ...HANDSHAKES.modern.params } : params
      if (isAnswered(await post(endpoint, era, method, own, headers))) return method
    }
  return isAnswered(await post(endpoint, 'modern', HANDSHAKES.modern.method, HANDSHAKES.modern.params, headers))
    ? HANDSHAKES.modern.method
    : undefined
}

async function post(
  { url, timeoutMs }: Pick<RemoteEndpoint, 'url' | 'timeoutMs'>,
  era: keyof typeof HANDSHAKES,
  method: string,
  params: object,
  headers: Record<string, string>,
): Promise<RawReply> {
  return await send(url, {
    method: 'POST',
    timeoutMs,
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...(era === 'modern' && { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': method }),
      ...(era === 'modern' && method === 'tools/call' && { 'Mcp-Name': 'preshipNoSuchTool' }),
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
}

/** Whether the request was answered with a result. */
export function isAnswered({ status, text }: RawReply): boolean {
  return status >= 200 && status < 300 && /"result"\s*:/.test(text)
}

/**
 * Fetches a JSON document from a URL that the server named. Returns undefined if that is not possible or not allowed.
 */
export async function documentAt(url: URL, endpoint: RemoteEndpoint): Promise<JsonObject | undefined> {
  if (!isFetchable(url, endpoint.url)) return undefined
  const headers = { Accept: 'application/json' }
  const reply = await send(url, { method: 'GET', headers, timeoutMs: endpoint.timeoutMs }).catch(() => undefined)
  if (reply?.status !== 200) return undefined
  try {
    const value: unknown = JSON.parse(reply.text)
    return isObject(value) ? objectOf(value) : undefined
  } catch {
    return undefined
  }
}

/** A remote server must not make preship fetch documents from the local network (SSRF). */
function isFetchable(url: URL, target: URL): boolean {
  if (url.username !== '' || url.password !== '') return false
  if (isLoopback(target.hostname)) return isLoopback(url.hostname) || url.protocol === 'https:'
  const isPrivate = /^(?:10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|0\.|\[)|(?:^|\.)(?:internal|local|lan)$/
  return url.protocol === 'https:' && !isLoopback(url.hostname) && !isPrivate.test(url.hostname)
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}
