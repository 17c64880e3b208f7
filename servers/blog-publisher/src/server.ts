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
import type { AuditLog, Caller, CallLedger, RpcId, ToolPolicy } from '@narrow-deputies/guardrails/audit'
import { createCallLedger } from '@narrow-deputies/guardrails/audit'
import { callTool, type Ending } from './call-tool.ts'
import { createConfirmations } from './confirm.ts'
import type { SingleUse } from './single-use.ts'
import type { Tool } from './tool.ts'

export interface ServerOptions<Ports> {
  readonly name: string
  readonly version: string
  readonly tools: readonly Tool<Ports>[]
  readonly ports: Ports
  readonly audit: AuditLog
  /** Whether a tool's question goes to the human. */
  readonly mustAsk: boolean
  /** Where it is kept which answers were used. */
  readonly singleUse: SingleUse
  /** What questions are sealed with; undefined: a key of this process. */
  readonly stateKey: Buffer | undefined
  /** Aborted when no answers can be taken any more. */
  readonly stopping?: AbortSignal
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
 * Makes the MCP server of one connection, in the era that its client opened it in.
 *
 * @param scopesOf what the caller of one call may do; undefined: everything, as a local one may
 */
export function createServerFactory<Ports>(
  options: ServerOptions<Ports>,
  scopesOf: (context: ServerContext) => ReadonlySet<string> | undefined,
) {
  const { name, version, singleUse, stateKey: key, stopping } = options
  const confirmations = createConfirmations({ singleUse, key, stopping })
  // Made once: in the later era, there is a server for each request.
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
  return (ledger: CallLedger) =>
    ({ era }: { era: 'legacy' | 'modern' }): McpServer => {
      const mcp = new McpServer({ name, version }, { capabilities: { tools: { listChanged: false } } })
      for (const { tool, published } of tools)
        mcp.registerTool(tool.name, published, async (args: unknown, context: ServerContext) => {
          const call = ledger.find(context.mcpReq.id)
          if (!call) throw new Error('INTERNAL: a call that the ledger does not know')
          const asker = confirmations(era, context, elicitationOf(era, context, mcp))
          const { signal: cancelled } = context.mcpReq
          const request = { ...options, call, args, asker, cancelled, scopes: scopesOf(context) }
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
