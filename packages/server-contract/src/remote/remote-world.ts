import type { AuditTrail } from '../audit-trail.ts'
import type { ServerSubject } from '../subject.ts'
import { World } from '../world.ts'
import { RemoteServer } from './remote-server.ts'
import { TokenIssuer, type TokenWishes } from './token-issuer.ts'

/** A server that listens, and the audit file that it writes. */
export interface Remote {
  readonly server: RemoteServer
  readonly trail: AuditTrail
}

/** How callers know the server, whichever port it listens at. */
export const PUBLIC_URL = 'https://mcp.example.com/mcp'

/** Where one server's remote contract runs: all of a {@link World}, and an issuer of tokens. */
export class RemoteWorld extends World {
  readonly issuer = new TokenIssuer()
  /** Every process that was started. */
  readonly remotes: RemoteServer[] = []
  /** Every token that was sent anywhere. */
  readonly tokens: string[] = []

  override async open(): Promise<void> {
    await super.open()
    await this.issuer.open()
  }

  override async close(): Promise<void> {
    await Promise.all(this.remotes.map(server => server.kill('SIGKILL')))
    await this.issuer.close()
    await super.close()
  }

  /** A whole configuration for remote callers. */
  remoteEnv(overrides: Record<string, string> = {}): Record<string, string> {
    return this.env({
      MCP_PUBLIC_URL: PUBLIC_URL,
      OAUTH_ISSUER: this.issuer.url,
      ...this.subject.asking,
      ...overrides,
    })
  }

  /** Starts a server that listens on a free port of loopback. */
  async serve(overrides: Record<string, string> = {}, args?: readonly string[]): Promise<Remote> {
    const env = this.remoteEnv(overrides)
    const server = new RemoteServer(this.subject.entry, env, args)
    this.remotes.push(server)
    await server.listening()
    return { server, trail: this.trailOf(env) }
  }

  /** A token of this world's issuer for its server. */
  async token(scope: string, wishes: TokenWishes = {}): Promise<string> {
    const token = await this.issuer.token(PUBLIC_URL, scope, wishes)
    this.tokens.push(token)
    return token
  }
}

/** The scopes of all tools of a server. */
export function scopesOf({ tools }: ServerSubject): string[] {
  return [...new Set(tools.map(({ scope }) => scope))]
}
