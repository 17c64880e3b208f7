import { type Era, isObject, objectOf } from '../surface.ts'
import { LIMITS, type Message, type Wire, WireError } from './wire.ts'

const MODERN = '2026-07-28'
const LEGACY = '2025-11-25'
const CLIENT = { name: 'preship', version: '0.1.0' }

/**
 * The capabilities that this client declares. Requests of the server are answered by the examination itself, not by a
 * user.
 */
export interface Abilities {
  readonly elicitation?: Readonly<Record<string, never>>
}

/** A connection after the handshake. */
export interface Session {
  readonly era: Era
  readonly server: { readonly name: string; readonly version: string }
  readonly instructions: string
  readonly capabilities: readonly string[]
  readonly wire: Wire
  /** Sends a request in the form of the session’s era. @throws {WireError} */
  request(method: string, params?: Message): Promise<Message>
  /** Builds the request that `request` would send, for probes that modify it. */
  form(method: string, params?: Message): Message & { readonly id: number }
}

/**
 * Opens a session: modern if the server supports it, otherwise legacy.
 *
 * @param known the era of the server, if it is known from an earlier session
 * @throws {WireError}
 */
export async function openSession(
  wire: Wire,
  timeoutMs: number,
  abilities: Abilities = {},
  known?: Era,
): Promise<Session> {
  let nextId = 1
  const formOf = (era: Era, method: string, params: Message = {}): Message & { id: number } => {
    const envelope = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientInfo': CLIENT,
      'io.modelcontextprotocol/clientCapabilities': abilities,
    }
    const full = era === 'modern' ? { ...params, _meta: { ...envelope, ...objectOf(params._meta) } } : params
    return { jsonrpc: '2.0', id: nextId++, method, params: full }
  }
  const discovered =
    known === 'legacy'
      ? undefined
      : await discover(wire, formOf('modern', 'server/discover'), Math.min(timeoutMs, 5_000))
  const era: Era = isObject(discovered?.result) ? 'modern' : 'legacy'
  let handshake = discovered
  if (era === 'legacy') {
    const params = { protocolVersion: LEGACY, capabilities: abilities, clientInfo: CLIENT }
    handshake = await wire.request(formOf('legacy', 'initialize', params), timeoutMs)
    if (!isObject(handshake.result)) throw new WireError('http', 'the server does not speak MCP: it refused initialize')
    await wire.notify({ jsonrpc: '2.0', method: 'notifications/initialized' })
  }
  const result = objectOf(handshake?.result)
  const server = objectOf(result.serverInfo ?? objectOf(result._meta)['io.modelcontextprotocol/serverInfo'])
  return {
    era,
    server: { name: String(server.name ?? ''), version: String(server.version ?? '') },
    instructions: typeof result.instructions === 'string' ? result.instructions : '',
    capabilities: Object.keys(objectOf(result.capabilities)),
    wire,
    request: async (method, params) => await wire.request(formOf(era, method, params), timeoutMs),
    form: (method, params) => formOf(era, method, params),
  }
}

/** Sends server/discover. Returns undefined if the server does not know the method or does not answer. */
async function discover(
  wire: Wire,
  message: Message & { id: number },
  timeoutMs: number,
): Promise<Message | undefined> {
  try {
    return await wire.request(message, timeoutMs)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    const isUnknown =
      error.fault === 'timeout' || (error.fault === 'http' && error.status !== 401 && error.status !== 403)
    if (isUnknown) return undefined
    throw error
  }
}

export interface Listing {
  readonly tools: readonly unknown[]
  /** The limit that was reached before the end of the list. */
  readonly truncatedBy: 'pages' | 'tools' | 'characters' | 'time' | undefined
}

/**
 * Reads the tool list up to the limits.
 *
 * @param budgetMs how long to request further pages
 * @throws {WireError}
 */
export async function listTools(session: Session, budgetMs: number): Promise<Listing> {
  const startedAt = performance.now()
  const tools: unknown[] = []
  const seen = new Set<string>()
  let characters = 0
  let cursor: string | undefined
  for (let n = 0; n < LIMITS.pages; n += 1) {
    if (n > 0 && performance.now() - startedAt > budgetMs) return { tools, truncatedBy: 'time' }
    const reply = await session.request('tools/list', cursor === undefined ? {} : { cursor })
    const { tools: page, nextCursor } = objectOf(reply.result)
    for (const tool of Array.isArray(page) ? (page as unknown[]) : []) {
      if (tools.length >= LIMITS.tools) return { tools, truncatedBy: 'tools' }
      characters += JSON.stringify(tool).length
      if (characters > LIMITS.listCharacters) return { tools, truncatedBy: 'characters' }
      tools.push(tool)
    }
    if (typeof nextCursor !== 'string') return { tools, truncatedBy: undefined }
    if (seen.has(nextCursor)) break
    seen.add(nextCursor)
    cursor = nextCursor
  }
  return { tools, truncatedBy: 'pages' }
}
