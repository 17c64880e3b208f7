// Copied on purpose: a fault here must stay here.
import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequiredResult,
  McpServer,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server'
import type { AuditLog, Caller, CallLedger } from '@narrow-deputies/guardrails/audit'
import { createCallLedger } from '@narrow-deputies/guardrails/audit'
import { callTool, type Ending } from './call-tool.ts'
import { createConfirmations, createSingleUse } from './confirm.ts'
import type { Tool } from './tool.ts'

export interface ServerOptions<Ports> {
  readonly name: string
  readonly version: string
  readonly tools: readonly Tool<Ports>[]
  readonly ports: Ports
  readonly audit: AuditLog
  /** Whether a tool's question goes to the human. */
  readonly mustAsk: boolean
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

/** Makes the MCP server of one connection, in the era that its client opened it in. */
export function createServerFactory<Ports>(options: ServerOptions<Ports>) {
  const { name, version, tools } = options
  const confirmations = createConfirmations(createSingleUse())
  return (ledger: CallLedger) =>
    ({ era }: { era: 'legacy' | 'modern' }): McpServer => {
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
            const asker = confirmations(era, context, elicitationOf(era, context, mcp))
            const { signal: cancelled } = context.mcpReq
            return replyTo(await callTool(tool, { ...options, call, args, asker, cancelled }), call.trace.traceId)
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

function elicitationOf(era: 'legacy' | 'modern', { mcpReq }: ServerContext, mcp: McpServer): unknown {
  const envelope = mcpReq.envelope as Record<string, ClientCapabilities | undefined> | undefined
  return era === 'modern'
    ? envelope?.[CLIENT_CAPABILITIES_META_KEY]?.elicitation
    : mcp.server.getClientCapabilities()?.elicitation
}

function replyTo(ending: Ending<InputRequiredResult>, traceId: string): CallToolResult | InputRequiredResult {
  if (ending.kind === 'asked') return ending.reply
  if (ending.kind === 'done')
    return { content: [{ type: 'text', text: JSON.stringify(ending.output) }], structuredContent: ending.output }
  const { code, message, retryAfterSeconds } = ending.error
  return {
    isError: true,
    content: [{ type: 'text', text: `${code}: ${message}` }],
    _meta: { code, traceId, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
  }
}
