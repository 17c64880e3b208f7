import type { ServerContext } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { onTestFinished } from 'vitest'
import { auditTransport, type JsonRpc } from '#guardrails/audit'
import type { Confirmations, Era } from '../../src/call/registration/registration.ts'
import { createServerFactory, openLedger } from '../../src/call/registration/registration.ts'
import type { Tool } from '../../src/call/tool.ts'
import { ANN, openTestLog } from './audit-log.ts'

interface Serving {
  readonly confirmations?: Confirmations
  readonly scopesOf?: (context: ServerContext) => ReadonlySet<string> | undefined
  readonly stopping?: AbortSignal
  /** Whether the ledger is told of messages that arrive. */
  readonly isAudited?: boolean
}

type Fields = Record<string, unknown>

/** What a client may get as a reply. */
export interface Reply {
  readonly result?: Fields
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Fields }
}

/** Serves tools over a wire of the test's own, through the SDK, to a client that speaks JSON-RPC by hand. */
export function serveTools(tools: readonly Tool<{ port: number }>[], serving: Serving = {}) {
  const { confirmations, scopesOf = () => undefined, stopping, isAudited = true } = serving
  const { log, records } = openTestLog()
  const faults: unknown[] = []
  const ended: unknown[] = []
  const options = {
    name: 'desk',
    version: '1.2.3',
    tools,
    ports: { port: 80 },
    audit: log,
    confirmations,
    ...(stopping && { stopping }),
    onFault: (fault: unknown) => void faults.push(fault),
    onProtocolFault: () => {},
  }
  const ledger = openLedger(options, ANN, id => ended.push(id))

  const waiting = new Map<unknown, (reply: Reply) => void>()
  /** Requests of the server to the client. */
  const asked: JsonRpc[] = []
  const wire = {
    onmessage: undefined as ((message: JsonRpc) => void) | undefined,
    start: async () => {},
    close: async () => {},
    async send(message: JsonRpc) {
      if (message.method === undefined) waiting.get(message.id)?.(message as Reply)
      else asked.push(message)
    },
  }
  const transport = isAudited ? auditTransport(wire, ledger) : wire
  const connection = serveStdio(createServerFactory(options, scopesOf)(ledger), { transport: transport as never })
  onTestFinished(() => connection.close())

  let lastId = 0
  const notify = (method: string, params: Fields): void => wire.onmessage?.({ jsonrpc: '2.0', method, params })
  const request = (method: string, params: Fields): Promise<Reply> => {
    lastId += 1
    const reply = new Promise<Reply>(resolve => waiting.set(lastId, resolve))
    wire.onmessage?.({ jsonrpc: '2.0', id: lastId, method, params })
    return reply
  }
  return {
    records,
    faults,
    ended,
    asked,
    notify,
    /** Answers a question of the server. */
    answer: (id: unknown, result: Fields): void => wire.onmessage?.({ jsonrpc: '2.0', id, result }),
    /** Opens the connection as clients of that era do. Returns how to send requests. */
    async open(era: Era, capabilities: Fields = {}) {
      const clientInfo = { name: 'host', version: '1' }
      if (era === 'modern') {
        const _meta = {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': clientInfo,
          'io.modelcontextprotocol/clientCapabilities': capabilities,
        }
        return (method: string, params: Fields = {}) => request(method, { ...params, _meta })
      }
      await request('initialize', { protocolVersion: '2025-06-18', clientInfo, capabilities })
      notify('notifications/initialized', {})
      return (method: string, params: Fields = {}) => request(method, params)
    },
    request,
  }
}
