import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as LegacyHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'

/** The two major versions of the official SDK's client. */
export const CLIENT_LINES = ['v1', 'v2'] as const
export type ClientLine = (typeof CLIENT_LINES)[number]

/** Answers the confirmation requests of a server. Undefined for a client without elicitation. */
export type Human = ((message: string) => Answer | Promise<Answer>) | undefined
export type Answer = { action: 'accept' | 'decline' | 'cancel'; content?: Record<string, string | number | boolean> }

export const YES: Answer = { action: 'accept', content: { confirm: true } }
export const NO: Answer = { action: 'decline' }

export interface CallResult {
  readonly isError?: boolean
  readonly structuredContent?: Record<string, unknown>
  readonly content: readonly { type: string; text?: string }[]
  readonly _meta?: Record<string, unknown>
}

export interface ListedTool {
  readonly name: string
  readonly description?: string
  readonly inputSchema: Record<string, unknown>
  readonly outputSchema?: Record<string, unknown>
  readonly annotations?: Record<string, unknown>
}

/** The part of an SDK client that the tests use. */
export interface Connected {
  listTools(): Promise<ListedTool[]>
  callTool(name: string, args: Record<string, unknown>, meta?: Record<string, unknown>): Promise<CallResult>
  close(): Promise<void>
}

/** Starts a server through an SDK client, as an MCP host does. */
export async function connect(
  line: ClientLine,
  entry: string,
  env: Record<string, string>,
  human?: Human,
): Promise<Connected> {
  const parameters = {
    command: process.execPath,
    args: [entry],
    env: { PATH: process.env.PATH ?? '', ...env },
    stderr: 'ignore' as const,
  }
  return await connectOver(
    line,
    { v1: () => new LegacyStdio(parameters), v2: () => new ModernStdio(parameters) },
    human,
  )
}

/** Connects an SDK client to a server over HTTP, as an MCP host with an access token does. */
export async function connectRemote(line: ClientLine, url: string, token: string, human?: Human): Promise<Connected> {
  const options = { requestInit: { headers: { Authorization: `Bearer ${token}` } } }
  const address = new URL(url)
  return await connectOver(
    line,
    { v1: () => new LegacyHttp(address, options), v2: () => new ModernHttp(address, options) },
    human,
  )
}

interface Transports {
  readonly v1: () => Parameters<LegacyClient['connect']>[0]
  readonly v2: () => Parameters<ModernClient['connect']>[0]
}

async function connectOver(line: ClientLine, transports: Transports, human: Human): Promise<Connected> {
  const identity = { name: `contract-${line}`, version: '1.0.0' }
  const capabilities = human ? { elicitation: {} } : {}
  const client =
    line === 'v1'
      ? new LegacyClient(identity, { capabilities })
      : new ModernClient(identity, { capabilities, versionNegotiation: { mode: 'auto' } })
  if (human && client instanceof LegacyClient)
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => human(params.message))
  if (human && client instanceof ModernClient)
    client.setRequestHandler('elicitation/create', ({ params }) => human(params.message))
  if (client instanceof LegacyClient) await client.connect(transports.v1())
  else await client.connect(transports.v2())
  return {
    listTools: async () => (await client.listTools()).tools as ListedTool[],
    callTool: async (name, args, _meta) =>
      (await client.callTool({ name, arguments: args, ...(_meta && { _meta }) })) as unknown as CallResult,
    close: () => client.close(),
  }
}
