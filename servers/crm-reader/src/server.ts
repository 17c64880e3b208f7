// Copied on purpose: a fault here must stay here.
import {
  type CallToolResult,
  McpServer,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server'
import type { AuditLog, Caller, CallLedger } from '@narrow-deputies/guardrails/audit'
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
}

/** The calls of one new connection. */
export function openLedger<Ports>(
  { tools, audit }: Pick<ServerOptions<Ports>, 'tools' | 'audit'>,
  caller: Caller,
): CallLedger {
  const policies = new Map(tools.map(tool => [tool.name, tool.audit]))
  return createCallLedger({ log: audit, policyOf: name => policies.get(name), caller })
}

/** Makes the MCP server of one connection. */
export function createServerFactory<Ports>(options: ServerOptions<Ports>) {
  const { name, version, tools } = options
  return (ledger: CallLedger) => (): McpServer => {
    const mcp = new McpServer({ name, version }, { capabilities: { tools: { listChanged: false } } })
    for (const tool of tools) {
      const { title, description, annotations, inputSchema, outputSchema } = tool
      mcp.registerTool(
        tool.name,
        {
          title,
          description,
          annotations,
          inputSchema: asPublished(inputSchema),
          outputSchema: asPublished(outputSchema),
        },
        async (args: unknown, context: ServerContext) => {
          const call = ledger.find(context.mcpReq.id)
          if (!call) throw new Error('INTERNAL: a call that the ledger does not know')
          const { signal: cancelled, inputResponses, requestState } = context.mcpReq
          const answered = inputResponses !== undefined || requestState() !== undefined
          return replyTo(await callTool(tool, { ...options, call, args, answered, cancelled }), call.trace.traceId)
        },
      )
    }
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
