import { type Era, isObject, objectOf } from '../surface.ts'
import { LIMITS, type Message, type Wire, WireError } from './wire.ts'

const MODERN = '2026-07-28'
const LEGACY = '2025-11-25'
const CLIENT = { name: 'preship', version: '0.1.0' }

/** What this client says that it can do. It asks nobody: what a server wants to know is answered by whoever examines it. */
export interface Abilities {
  readonly elicitation?: Readonly<Record<string, never>>
}

/** A connection on which the two sides have agreed how to speak. */
export interface Session {
  readonly era: Era
  readonly server: { readonly name: string; readonly version: string }
  readonly instructions: string
  readonly capabilities: readonly string[]
  readonly wire: Wire
  /** Sends a request in the right form. @throws {WireError} */
  request(method: string, params?: Message): Promise<Message>
  /** The request that `request` would send, for somebody who wants to spoil it. */
  form(method: string, params?: Message): Message & { readonly id: number }
}

/**
 * Opens a session: in the later era if the server knows it, else in the earlier one.
 *
 * @param known in which era the server is known to speak: it is not asked again
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
    known === 'legacy' ? undefined : await ask(wire, formOf('modern', 'server/discover'), Math.min(timeoutMs, 5_000))
  const era: Era = isObject(discovered?.result) ? 'modern' : 'legacy'
  let greeting = discovered
  if (era === 'legacy') {
    const params = { protocolVersion: LEGACY, capabilities: abilities, clientInfo: CLIENT }
    greeting = await wire.request(formOf('legacy', 'initialize', params), timeoutMs)
    if (!isObject(greeting.result)) throw new WireError('http', 'it does not speak MCP: initialize was refused')
    await wire.notify({ jsonrpc: '2.0', method: 'notifications/initialized' })
  }
  const result = objectOf(greeting?.result)
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

/** Undefined if the server does not know the method, in whatever way it says so; or if it says nothing. */
async function ask(wire: Wire, message: Message & { id: number }, timeoutMs: number): Promise<Message | undefined> {
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
  /** What was reached before the end of the list. */
  readonly isCut: 'pages' | 'tools' | 'characters' | 'time' | undefined
}

/**
 * Reads the whole list of tools, or as much of it as anybody should have to.
 *
 * @param budgetMs how long to go on asking for further pages
 * @throws {WireError}
 */
export async function listTools(session: Session, budgetMs: number): Promise<Listing> {
  const startedAt = performance.now()
  const tools: unknown[] = []
  const seen = new Set<string>()
  let characters = 0
  let cursor: string | undefined
  for (let page = 0; page < LIMITS.pages; page += 1) {
    if (page > 0 && performance.now() - startedAt > budgetMs) return { tools, isCut: 'time' }
    const reply = await session.request('tools/list', cursor === undefined ? {} : { cursor })
    const { tools: some, nextCursor } = objectOf(reply.result)
    for (const tool of Array.isArray(some) ? (some as unknown[]) : []) {
      if (tools.length >= LIMITS.tools) return { tools, isCut: 'tools' }
      characters += JSON.stringify(tool).length
      if (characters > LIMITS.listCharacters) return { tools, isCut: 'characters' }
      tools.push(tool)
    }
    if (typeof nextCursor !== 'string') return { tools, isCut: undefined }
    if (seen.has(nextCursor)) break
    seen.add(nextCursor)
    cursor = nextCursor
  }
  return { tools, isCut: 'pages' }
}
