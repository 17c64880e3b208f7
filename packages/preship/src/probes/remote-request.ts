import { type IncomingHttpHeaders, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { isObject, type JsonObject, objectOf } from '../surface.ts'
import { WireError } from '../wire/wire.ts'
import type { Door } from './probe.ts'

/** A reply, before anything is made of it. */
export interface RawReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Its beginning. */
  readonly text: string
}

const MAX_BYTES = 256 * 1024

/** Sends one request as it is; unlike `fetch` it leaves Host to whoever calls it. Follows nothing. @throws {WireError} */
export async function send(
  url: URL,
  options: { method: string; headers?: Record<string, string>; body?: string; timeoutMs: number },
): Promise<RawReply> {
  const { method, headers = {}, body, timeoutMs } = options
  const request = url.protocol === 'https:' ? tlsRequest : plainRequest
  return await new Promise((resolve, reject) => {
    const failed = (): void => reject(new WireError('closed', 'the server cannot be reached, or broke off'))
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
        // A stream may stay open: its first message is all that is wanted.
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

/** The first thing that a client of either era says. */
const GREETINGS = {
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

export type Entry = 'let in' | 'refused' | 'unclear'

/** Greets a server in both eras, and tells whether either got in. @throws {WireError} */
export async function knock(
  door: Pick<Door, 'url' | 'timeoutMs'>,
  headers: Record<string, string> = {},
): Promise<{ entry: Entry; reply: RawReply }> {
  let first: RawReply | undefined
  for (const era of ['legacy', 'modern'] as const) {
    const { method, params } = GREETINGS[era]
    const reply = await post(door, era, method, params, headers)
    if (isLetIn(reply)) return { entry: 'let in', reply }
    if (reply.status === 401) return { entry: 'refused', reply }
    first ??= reply
  }
  const reply = first as RawReply
  return { entry: reply.status === 403 ? 'refused' : 'unclear', reply }
}

/**
 * Goes past the greeting: a server that looks at tokens only there lets in whoever leaves it out.
 *
 * @returns what was answered as if nothing were missing @throws {WireError}
 */
export async function walkPast(
  door: Pick<Door, 'url' | 'timeoutMs'>,
  headers: Record<string, string> = {},
): Promise<string | undefined> {
  for (const era of ['legacy', 'modern'] as const)
    for (const [method, params] of [
      ['tools/list', {}],
      ['tools/call', { name: 'preshipNoSuchTool', arguments: {} }],
    ] as const) {
      const own = era === 'modern' ? { ...params, ...GREETINGS.modern.params } : params
      if (isLetIn(await post(door, era, method, own, headers))) return method
    }
  return isLetIn(await post(door, 'modern', GREETINGS.modern.method, GREETINGS.modern.params, headers))
    ? GREETINGS.modern.method
    : undefined
}

async function post(
  { url, timeoutMs }: Pick<Door, 'url' | 'timeoutMs'>,
  era: keyof typeof GREETINGS,
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

/** Whether a message got through to the server behind the door. */
export function isLetIn({ status, text }: RawReply): boolean {
  return status >= 200 && status < 300 && /"result"\s*:/.test(text)
}

/** A JSON document from an address that the server named. Undefined if there is none that can be had. */
export async function documentAt(url: URL, door: Door): Promise<JsonObject | undefined> {
  if (!isFetchable(url, door.url)) return undefined
  const headers = { Accept: 'application/json' }
  const reply = await send(url, { method: 'GET', headers, timeoutMs: door.timeoutMs }).catch(() => undefined)
  if (reply?.status !== 200) return undefined
  try {
    const value: unknown = JSON.parse(reply.text)
    return isObject(value) ? objectOf(value) : undefined
  } catch {
    return undefined
  }
}

/** A server out there must not make whoever examines it fetch things from their own network. */
function isFetchable(url: URL, target: URL): boolean {
  if (url.username !== '' || url.password !== '') return false
  if (isLoopback(target.hostname)) return isLoopback(url.hostname) || url.protocol === 'https:'
  const isPrivate = /^(?:10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|0\.|\[)|(?:^|\.)(?:internal|local|lan)$/
  return url.protocol === 'https:' && !isLoopback(url.hostname) && !isPrivate.test(url.hostname)
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}
