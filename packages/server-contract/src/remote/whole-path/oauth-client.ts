import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  Client,
  type OAuthClientProvider,
  type OAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { type CallResult, type Human, YES } from '../../clients.ts'
import type { PersonAtBrowser } from './person-at-browser.ts'

/** An MCP host that knows nothing but a server's URL, with a person who signs in when they are asked to. */
export interface OAuthClient {
  listTools(): Promise<string[]>
  callTool(name: string, args: Record<string, unknown>): Promise<CallResult>
  /** The scope of each token that was had, in order. */
  readonly scopes: string[]
  /** Everything that nobody else may see: tokens, codes, verifiers. */
  readonly secrets: string[]
  close(): Promise<void>
}

/** @param human answers the server's questions; undefined agrees to all */
export async function openOAuthClient(url: string, person: PersonAtBrowser, human?: Human): Promise<OAuthClient> {
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

  const transportOf = (): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
  /** Runs `work`; where that needs a token, or another one, the person is asked, and it is run again. */
  const authorised = async <T>(transport: StreamableHTTPClientTransport, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error
      const answer = callbacks.pop()
      if (!answer || answer.get('state') !== kept.get('state')) throw new Error('the person did not come back')
      secrets.push(answer.get('code') ?? '')
      await transport.finishAuth(answer)
      return await work()
    }
  }

  const capabilities = { elicitation: {} }
  let client = new Client(
    { name: 'oauth-host', version: '1.0.0' },
    { capabilities, versionNegotiation: { mode: 'auto' } },
  )
  let transport = transportOf()
  await authorised(transport, async () => {
    client = new Client(
      { name: 'oauth-host', version: '1.0.0' },
      { capabilities, versionNegotiation: { mode: 'auto' } },
    )
    client.setRequestHandler('elicitation/create', ({ params }) => human?.(params.message) ?? YES)
    transport = transportOf()
    await client.connect(transport)
  })
  return {
    scopes,
    secrets,
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: async (name, args) =>
      await authorised(
        transport,
        async () => (await client.callTool({ name, arguments: args })) as unknown as CallResult,
      ),
    async close() {
      await client.close()
      await new Promise(resolve => listener.close(resolve))
    },
  }
}
