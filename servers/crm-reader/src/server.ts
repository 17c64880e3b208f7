// Copied on purpose: a fault here must stay here.
import {
  type CallToolResult,
  McpServer,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server'
import type { AuditLog, Caller, CallLedger, RpcId, ToolPolicy } from '@narrow-deputies/guardrails/audit'
import { createCallLedger } from '@narrow-deputies/guardrails/audit'
import { callTool, type Ending } from './call-tool.ts'
import type { Tool } from './tool.ts'

export interface ServerOptions<Ports> {
  readonly name: string
  readonly version: string
  readonly tools: readonly Tool<Ports>[]
  readonly ports: Ports
  readonly audit: AuditLog
  readonly onFault: (fault: unknown) => void
  /** Told of what a client did wrong. */
  readonly onProtocolFault: (fault: Error) => void
}

/** The calls of one new connection. @param onEnd told of each once it has ended */
export function openLedger<Ports>(
  { tools, audit }: Pick<ServerOptions<Ports>, 'tools' | 'audit'>,
  caller: Caller,
  onEnd?: (id: RpcId) => void,
): CallLedger {
  const policyOf = (name: string): ToolPolicy | undefined => tools.find(tool => tool.name === name)?.audit
  return createCallLedger({ log: audit, policyOf, caller, ...(onEnd && { onEnd }) })
}

/**
 * Makes the MCP server of one connection.
 *
 * @param scopesOf what the caller of one call may do; undefined: everything, as a local one may
 */
export function createServerFactory<Ports>(
  options: ServerOptions<Ports>,
  scopesOf: (context: ServerContext) => ReadonlySet<string> | undefined,
): (ledger: CallLedger) => (opened: { era: 'legacy' | 'modern' }) => McpServer {
  const { name, version } = options
  // Made once: in the protocol's later era, there is a server for each request.
  const tools = options.tools.map(tool => ({
    tool,
    published: {
      title: tool.title,
      description: tool.description,
      annotations: tool.annotations,
      inputSchema: asPublished(tool.inputSchema),
      outputSchema: asPublished(tool.outputSchema),
    },
  }))
  return ledger => () => {
    const mcp = new McpServer({ name, version }, { capabilities: { tools: { listChanged: false } } })
    for (const { tool, published } of tools)
      mcp.registerTool(tool.name, published, async (args: unknown, context: ServerContext) => {
        const call = ledger.find(context.mcpReq.id)
        if (!call) throw new Error('INTERNAL: a call that the ledger does not know')
        const { signal: cancelled, inputResponses, requestState } = context.mcpReq
        const answered = inputResponses !== undefined || requestState() !== undefined
        const request = { ...options, call, args, answered, cancelled, scopes: scopesOf(context) }
        return replyTo(await callTool(tool, request), call.trace.traceId)
      })
    return mcp
  }
}

/** The schema is shown as it is; checking is the handler's, so that a refusal is coded and on record. */
function asPublished(json: Record<string, unknown>): StandardSchemaWithJSON<unknown, unknown> {
  return {
    '~standard': {
      version: 1,
      vendor: 'narrow-deputies',
      validate: value => ({ value }),
      jsonSchema: { input: () => json, output: () => json },
    },
  }
}

function replyTo(ending: Ending, traceId: string): CallToolResult {
  if (ending.kind === 'done')
    return { content: [{ type: 'text', text: JSON.stringify(ending.output) }], structuredContent: ending.output }
  const { code, message, retryAfterSeconds } = ending.error
  return {
    isError: true,
    content: [{ type: 'text', text: `${code}: ${message}` }],
    _meta: { code, traceId, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
  }
}
