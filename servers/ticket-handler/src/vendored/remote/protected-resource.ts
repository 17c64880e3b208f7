import type { IncomingMessage } from 'node:http'
import type { Effect } from '#guardrails/audit'
import { TokenRefusedError } from './token-verifier.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i

/** What clients are told about how to get a token (RFC 9728, RFC 6750). */
export interface ProtectedResource {
  /** The paths at which `metadata` is served. */
  readonly metadataPaths: ReadonlySet<string>
  readonly metadata: Readonly<Record<string, unknown>>
  /**
   * `WWW-Authenticate` for a 401.
   *
   * @param canStepUp whether the client asks for more scopes when a call needs them
   * @param description what is wrong with the token. Left out if there was no token
   */
  unauthorised(canStepUp: boolean, description?: string): string
  /** `WWW-Authenticate` for a 403. @param scopes every scope that a new token must have */
  insufficient(scopes: Iterable<string>): string
}

/**
 * Describes this server as an OAuth protected resource.
 *
 * @param options.url the server’s public URL: the resource that clients request tokens for
 * @param options.name the name that clients show to people
 */
export function describeResource(options: {
  url: string
  issuer: string
  name: string
  tools: readonly { readonly effect: Effect; readonly scope: string }[]
}): ProtectedResource {
  const { url, issuer, name, tools } = options
  const scopes = [...new Set(tools.map(({ scope }) => scope))]
  const reading = [...new Set(tools.filter(({ effect }) => effect === 'read').map(({ scope }) => scope))]
  const { origin, pathname } = new URL(url)
  const suffix = pathname === '/' ? '' : pathname
  const where = `resource_metadata="${origin}${WELL_KNOWN}${suffix}"`
  return {
    metadataPaths: new Set([WELL_KNOWN, `${WELL_KNOWN}/mcp`, `${WELL_KNOWN}${suffix}`]),
    metadata: {
      resource: url,
      authorization_servers: [issuer],
      scopes_supported: scopes,
      bearer_methods_supported: ['header'],
      resource_name: name,
    },
    unauthorised(canStepUp, description) {
      const error = description === undefined ? '' : `error="invalid_token", error_description="${description}", `
      // A client that can step up is asked for the scopes of the reading tools only, and for more when a call needs it.
      // Any other client must ask for every scope now.
      return `Bearer ${error}scope="${(canStepUp ? reading : scopes).join(' ')}", ${where}`
    },
    insufficient(needed) {
      const description = 'the token lacks a scope that this tool needs'
      return `Bearer error="insufficient_scope", error_description="${description}", scope="${[...needed].join(' ')}", ${where}`
    },
  }
}

/**
 * The access token of a request. The Authorization header is the only place where it is accepted. Undefined if there is
 * no such header.
 *
 * @throws {TokenRefusedError}
 */
export function bearerToken({ headersDistinct, url = '' }: IncomingMessage): string | undefined {
  // URLs end up in logs and browser histories.
  const query = url.includes('?') ? new URLSearchParams(url.slice(url.indexOf('?'))) : undefined
  if (query?.has('access_token')) throw new TokenRefusedError('a token must not stand in the address')
  const [header, ...others] = headersDistinct.authorization ?? []
  if (others.length > 0) throw new TokenRefusedError('there is more than one Authorization header')
  if (header === undefined) return undefined
  const token = BEARER.exec(header)?.[1]
  if (token === undefined) throw new TokenRefusedError('the Authorization header holds no bearer token')
  return token
}
