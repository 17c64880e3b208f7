import { request as httpRequest } from 'node:http'
import { onTestFinished } from 'vitest'
import { parseMessage } from '#call'
import type { JsonRpc } from '#guardrails/audit'
import type { Requester } from '../../src/remote/admission.ts'
import { createMcpEndpoint } from '../../src/remote/mcp-endpoint.ts'
import type { ProtectedResource } from '../../src/remote/protected-resource.ts'
import { readBody } from '../../src/remote/request-body.ts'
import { listen, type Reply, send } from './loopback.ts'
import { initialize, type McpRequest } from './messages.ts'
import { requester } from './session-world.ts'
import { testServer } from './tools.ts'

export interface EndpointOptions {
  readonly resource?: ProtectedResource
  /** Runs before the endpoint is given a request. */
  readonly before?: () => Promise<void> | void
}

/** The endpoint behind a real HTTP server. Requests are from whoever the test says. */
export async function openEndpoint({ resource, before = () => {} }: EndpointOptions = {}) {
  const { options, audit, backend, faults, protocolFaults } = testServer()
  const endpoint = createMcpEndpoint(options, resource)
  const by = { requester: requester() }
  const unexpected: unknown[] = []
  const { port } = await listen(
    async (req, res) => {
      const from = by.requester
      const parsed = req.method === 'POST' ? parseMessage(await readBody(req)) : undefined
      await before()
      await endpoint.serve(req, res, from, parsed && 'message' in parsed ? (parsed.message as JsonRpc) : undefined)
    },
    fault => void unexpected.push(fault),
  )
  onTestFinished(() => endpoint.close())

  /** Sends a message, from ada unless the test says otherwise. */
  const post = async ({ headers, message }: McpRequest, from: Requester = requester()): Promise<Reply> => {
    by.requester = from
    return await send(port, { method: 'POST', path: '/mcp', headers, body: JSON.stringify(message) })
  }
  /** Opens a legacy session. Returns its id. */
  const begin = async (): Promise<string> => String((await post(initialize())).headers['mcp-session-id'])
  const recorded = () => audit.entries.map(({ event, error }) => [event, error?.code])
  return { endpoint, port, post, begin, recorded, audit, backend, faults, protocolFaults, unexpected }
}

/** Begins a request and leaves it open. Returns what ends its connection. */
export function begin(port: number, { headers, message }: McpRequest): { destroy(): void; done: Promise<void> } {
  const request = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', headers, agent: false })
  const done = new Promise<void>(resolve => request.once('close', resolve))
  request.on('error', () => {}).end(JSON.stringify(message))
  return { destroy: () => void request.destroy(), done }
}
