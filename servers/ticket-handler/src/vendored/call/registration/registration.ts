import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequiredResult,
  McpServer,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server'
import {
  type AuditLog,
  type Call,
  type Caller,
  type CallLedger,
  createCallLedger,
  type RpcId,
  type ToolPolicy,
} from '#guardrails/audit'
import { type CallConfirmation, type CallEnding, callTool } from '../call-tool.ts'
import type { Tool } from '../tool.ts'

/** `legacy`: the 2025 revisions, which open with `initialize`. `modern`: 2026-07-28. */
export type Era = 'legacy' | 'modern'

/** What is served, over stdio or HTTP. */
export interface ServerOptions<Ports> {
  readonly name: string
  readonly version: string
  readonly tools: readonly Tool<Ports>[]
  readonly ports: Ports
  readonly audit: AuditLog
  /** Undefined if no human is ever asked. */
  readonly confirmations: Confirmations | undefined
  /** Aborted once no answers can be taken any more. */
  readonly stopping?: AbortSignal
  readonly onFault: (fault: unknown) => void
  /** Receives what a client did wrong. */
  readonly onProtocolFault: (fault: Error) => void
}

/** Asks humans about calls, through their clients. */
export interface Confirmations {
  /** What asks about one call of `tool`. Undefined if that tool asks nothing. */
  of<Ports>(tool: Tool<Ports>, request: ConfirmableRequest): CallConfirmation<InputRequiredResult> | undefined
}

export interface ConfirmableRequest {
  readonly call: Call
  readonly era: Era
  readonly context: ServerContext
  /** What the client declares of its elicitation, in its era's place. */
  readonly elicitation: unknown
  readonly stopping: AbortSignal | undefined
}

/** Opens the ledger of one new connection's calls. @param onEnd called with the id of each call that has ended */
export function openLedger<Ports>(
  { tools, audit }: Pick<ServerOptions<Ports>, 'tools' | 'audit'>,
  caller: Caller,
  onEnd?: (id: RpcId) => void,
): CallLedger {
  const policyOf = (name: string): ToolPolicy | undefined => tools.find(tool => tool.name === name)?.audit
  return createCallLedger({ log: audit, policyOf, caller, ...(onEnd && { onEnd }) })
}

/**
 * Makes the MCP server of one connection, in the era in which its client opened it.
 *
 * @param scopesOf what the caller of one call may do. Undefined: everything, as a local caller may
 */
export function createServerFactory<Ports>(
  options: ServerOptions<Ports>,
  scopesOf: (context: ServerContext) => ReadonlySet<string> | undefined,
) {
  const { name, version, ports, onFault, confirmations, stopping } = options
  // Made once: in the modern era there is a server for each request.
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
    ({ era }: { era: Era }): McpServer => {
      const mcp = new McpServer({ name, version }, { capabilities: { tools: { listChanged: false } } })
      for (const { tool, published } of tools)
        mcp.registerTool(tool.name, published, async (args: unknown, context: ServerContext) => {
          const { id, signal: cancelled, inputResponses, requestState } = context.mcpReq
          const call = ledger.find(id)
          if (!call) throw new Error('INTERNAL: a call that the ledger does not know')
          const elicitation = elicitationOf(era, context, mcp)
          const ending = await callTool(tool, {
            call,
            args,
            ports,
            scopes: scopesOf(context),
            answered: inputResponses !== undefined || requestState() !== undefined,
            confirmation: confirmations?.of(tool, { call, era, context, elicitation, stopping }),
            cancelled,
            onFault,
          })
          return replyTo(ending, call.trace.traceId)
        })
      return mcp
    }
}

/** Publishes the schema as it is. The handler checks arguments, so that a refusal is coded and on record. */
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

function elicitationOf(era: Era, { mcpReq }: ServerContext, mcp: McpServer): unknown {
  const envelope = mcpReq.envelope as Record<string, ClientCapabilities | undefined> | undefined
  return era === 'modern'
    ? envelope?.[CLIENT_CAPABILITIES_META_KEY]?.elicitation
    : mcp.server.getClientCapabilities()?.elicitation
}

function replyTo(ending: CallEnding<InputRequiredResult>, traceId: string): CallToolResult | InputRequiredResult {
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
