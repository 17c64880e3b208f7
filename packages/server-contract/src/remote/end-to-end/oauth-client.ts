import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
  UnauthorizedError as ModernUnauthorized,
  type OAuthClientProvider,
  type OAuthTokens,
} from '@modelcontextprotocol/client'
import { UnauthorizedError as LegacyUnauthorized } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { type CallResult, type ClientLine, type Human, YES } from '../../clients.ts'
import type { BrowserUser } from './browser-user.ts'

type LegacyProvider = NonNullable<ConstructorParameters<typeof LegacyTransport>[1]>['authProvider'] & object

/** An MCP host that knows only the URL of a server, and a person who signs in. */
export interface OAuthClient {
  listTools(): Promise<string[]>
  callTool(name: string, args: Record<string, unknown>): Promise<CallResult>
  /** The scope of each token, in order. */
  readonly scopes: string[]
  /** All tokens, codes and verifiers. */
  readonly secrets: string[]
  close(): Promise<void>
}

/** @param human answers confirmation requests; by default every answer is yes */
export async function openOAuthClient(
  url: string,
  person: BrowserUser,
  human?: Human,
  line: ClientLine = 'v2',
): Promise<OAuthClient> {
  const secrets: string[] = []
  const scopes: string[] = []
  const callbacks: URLSearchParams[] = []
  const listener = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1')
    if (pathname === '/callback') callbacks.push(searchParams)
    response.end('You can go back to the app.')
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const redirectUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/callback`

  const kept = new Map<string, unknown>()
  const provider: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: {
      client_name: 'Contract host',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    },
    state: () => {
      const state = crypto.randomUUID()
      kept.set('state', state)
      return state
    },
    clientInformation: () => kept.get('client') as undefined,
    saveClientInformation: information => void kept.set('client', information),
    tokens: () => kept.get('tokens') as OAuthTokens | undefined,
    saveTokens(tokens) {
      kept.set('tokens', tokens)
      scopes.push(tokens.scope ?? '')
      secrets.push(tokens.access_token, ...(tokens.refresh_token ? [tokens.refresh_token] : []))
    },
    redirectToAuthorization: authorizationUrl => person.allow(authorizationUrl),
    saveCodeVerifier(verifier) {
      kept.set('verifier', verifier)
      secrets.push(verifier)
    },
    codeVerifier: () => kept.get('verifier') as string,
    saveDiscoveryState: discovery => void kept.set('discovery', discovery),
    discoveryState: () => kept.get('discovery') as undefined,
  }

  /** Runs `work`. If it needs a token, or one with more scopes, signs in and runs it again. */
  const authorised = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ModernUnauthorized || error instanceof LegacyUnauthorized)) throw error
      const answer = callbacks.pop()
      if (!answer || answer.get('state') !== kept.get('state'))
        throw new Error('the browser was not redirected to the client')
      const code = answer.get('code') ?? ''
      secrets.push(code)
      if (transport instanceof ModernTransport) await transport.finishAuth(answer)
      else await transport.finishAuth(code)
      return await work()
    }
  }

  const identity = { name: 'oauth-host', version: '1.0.0' }
  const capabilities = { elicitation: {} }
  let client: ModernClient | LegacyClient
  let transport: ModernTransport | LegacyTransport
  await authorised(async () => {
    if (line === 'v2') {
      const modern = new ModernClient(identity, { capabilities, versionNegotiation: { mode: 'auto' } })
      modern.setRequestHandler('elicitation/create', ({ params }) => human?.(params.message) ?? YES)
      const wire = new ModernTransport(new URL(url), { authProvider: provider })
      client = modern
      transport = wire
      await modern.connect(wire)
    } else {
      const legacy = new LegacyClient(identity, { capabilities })
      legacy.setRequestHandler(ElicitRequestSchema, ({ params }) => human?.(params.message) ?? YES)
      const wire = new LegacyTransport(new URL(url), { authProvider: provider as LegacyProvider })
      client = legacy
      transport = wire
      await legacy.connect(wire)
    }
  })
  return {
    scopes,
    secrets,
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: async (name, args) =>
      await authorised(async () => (await client.callTool({ name, arguments: args })) as unknown as CallResult),
    async close() {
      await client.close()
      await new Promise(resolve => listener.close(resolve))
    },
  }
}
