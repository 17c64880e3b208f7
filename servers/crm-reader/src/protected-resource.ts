// Copied on purpose: a fault here must stay here.
import type { IncomingMessage } from 'node:http'
import type { Effect } from '@narrow-deputies/guardrails/audit'
import { TokenRefusedError } from './auth.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i

/** What clients are told of how to be let in (RFC 9728, RFC 6750). */
export interface ProtectedResource {
  /** Where `metadata` is served. */
  readonly metadataPaths: ReadonlySet<string>
  readonly metadata: Readonly<Record<string, unknown>>
  /** `WWW-Authenticate` for a 401. Without a description of the fault, nothing was presented. */
  unauthorised(canStepUp: boolean, description?: string): string
  /** `WWW-Authenticate` for a 403: `scopes` are all that a new token has to have. */
  insufficient(scopes: Iterable<string>): string
}

/**
 * @param options.url the server as its callers know it: the resource that tokens are asked for
 * @param options.name for people
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
      // To begin with, no more than reading: a client is told when a call needs more. One that could not ask for more
      // then has to ask for everything now.
      return `Bearer ${error}scope="${(canStepUp ? reading : scopes).join(' ')}", ${where}`
    },
    insufficient(needed) {
      const description = 'the token lacks a scope that this tool needs'
      return `Bearer error="insufficient_scope", error_description="${description}", scope="${[...needed].join(' ')}", ${where}`
    },
  }
}

/**
 * The one token of a request, from the one place where it may stand. Undefined where there is none.
 *
 * @throws {TokenRefusedError}
 */
export function bearerToken({ headersDistinct, url = '' }: IncomingMessage): string | undefined {
  // Addresses end up in logs and histories.
  const query = url.includes('?') ? new URLSearchParams(url.slice(url.indexOf('?'))) : undefined
  if (query?.has('access_token')) throw new TokenRefusedError('a token must not stand in the address')
  const [header, ...others] = headersDistinct.authorization ?? []
  if (others.length > 0) throw new TokenRefusedError('there is more than one Authorization header')
  if (header === undefined) return undefined
  const token = BEARER.exec(header)?.[1]
  if (token === undefined) throw new TokenRefusedError('the Authorization header holds no bearer token')
  return token
}
