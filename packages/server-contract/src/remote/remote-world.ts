import type { AuditTrail } from '../audit-trail.ts'
import type { ServerSubject } from '../subject.ts'
import { World } from '../world.ts'
import { RemoteServer } from './remote-server.ts'
import { TokenIssuer, type TokenWishes } from './token-issuer.ts'

/** A server process over HTTP, and its audit file. */
export interface Remote {
  readonly server: RemoteServer
  readonly trail: AuditTrail
}

/** The public URL of every server, whichever port it listens at. */
export const PUBLIC_URL = 'https://mcp.example.com/mcp'

/** The test environment of one server over HTTP: a {@link World} and an issuer of tokens. */
export class RemoteWorld extends World {
  readonly issuer = new TokenIssuer()
  /** Every process that the tests started. */
  readonly remotes: RemoteServer[] = []
  /** Every token that the tests sent. */
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

  /** A complete configuration for remote callers. */
  remoteEnv(overrides: Record<string, string> = {}): Record<string, string> {
    return this.env({
      MCP_PUBLIC_URL: PUBLIC_URL,
      OAUTH_ISSUER: this.issuer.url,
      ...this.subject.confirmationOn,
      ...overrides,
    })
  }

  /** Starts a server on a free port of 127.0.0.1. */
  async serve(overrides: Record<string, string> = {}, args?: readonly string[]): Promise<Remote> {
    const env = this.remoteEnv(overrides)
    const server = new RemoteServer(this.subject.entry, env, args)
    this.remotes.push(server)
    await server.listening()
    return { server, trail: this.trailOf(env) }
  }

  /** A valid token for the server, except for the given claims. */
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
