import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { JsonObject } from '../surface.ts'
import type { RemoteEndpoint } from './probe.ts'
import { callWithoutHandshake, documentAt, handshake, isLoopback } from './remote-request.ts'

export const AUTHORIZATION_KINDS = {
  NOT_TLS: {
    item: 8,
    severity: 'error',
    title: 'Remote server is reached without TLS',
    why: 'Tokens and data can be read and modified in transit.',
    narrow: 'Serve https. Use plain http on loopback only.',
  },
  NO_TOKEN_ACCEPTED: {
    item: 8,
    severity: 'error',
    title: 'Remote server accepts requests without a token',
    why: 'Anyone who can reach the address can use every tool with the server’s backend credential.',
    narrow: 'Require an OAuth 2.1 access token, and answer 401 with a challenge if it is missing.',
  },
  DOOR_UNCLEAR: {
    item: 8,
    severity: 'warning',
    title: 'It is unclear whether a token is required',
    why: 'A request without a token received neither a result nor a 401.',
    narrow: 'Check the token before any other part of the request.',
  },
  CHALLENGE_MISSING: {
    item: 8,
    severity: 'error',
    title: 'Refusal has no usable WWW-Authenticate challenge',
    why: 'Clients discover the authorization server through the challenge. Without it, users paste long-lived tokens into configuration files.',
    narrow: 'Answer 401 with WWW-Authenticate: Bearer resource_metadata="…".',
  },
  METADATA_MISSING: {
    item: 8,
    severity: 'error',
    title: 'Protected resource metadata is missing',
    why: 'A client cannot find out which authorization server to use and which scopes to request.',
    narrow: 'Serve the RFC 9728 document at /.well-known/oauth-protected-resource, and reference it in the challenge.',
  },
  METADATA_WRONG_RESOURCE: {
    item: 8,
    severity: 'error',
    title: 'Protected resource metadata names another resource',
    why: 'A client that follows it requests a token with the wrong audience, or is sent to another party’s authorization server.',
    narrow: 'Set resource to the URL of this server, exactly as clients use it.',
  },
  METADATA_INVALID: {
    item: 8,
    severity: 'error',
    title: 'Protected resource metadata names no valid authorization server',
    why: 'Without an authorization server, a client cannot get a token.',
    narrow: 'List at least one authorization server, each as an https URL.',
  },
  TOKEN_IN_QUERY_OFFERED: {
    item: 8,
    severity: 'error',
    title: 'Metadata offers tokens in the query string',
    why: 'URLs are stored in logs, browser histories and Referer headers.',
    narrow: 'Set bearer_methods_supported to ["header"], and reject access_token in the query string.',
  },
  PROVIDER_UNREACHABLE: {
    item: 8,
    severity: 'warning',
    title: 'Authorization server metadata cannot be fetched',
    why: 'It is unknown whether the authorization server supports the code flow with PKCE.',
    narrow: 'Serve RFC 8414 metadata at the authorization server. If it is in a private network, check it by hand.',
  },
  PROVIDER_NOT_TLS: {
    item: 8,
    severity: 'error',
    title: 'Authorization server is reached without TLS',
    why: 'Codes, tokens and passwords can be read in transit.',
    narrow: 'Name the authorization server by an https URL.',
  },
  PKCE_MISSING: {
    item: 8,
    severity: 'error',
    title: 'Authorization server does not offer PKCE with S256',
    why: 'An attacker who intercepts an authorization code can exchange it for a token.',
    narrow: 'Offer the authorization code flow with code_challenge_methods_supported: ["S256"].',
  },
  PKCE_PLAIN: {
    item: 8,
    severity: 'warning',
    title: 'Authorization server offers PKCE with the plain method',
    why: 'With plain, the challenge is the verifier itself. Anyone who sees the authorization request can redeem the code.',
    narrow: 'Offer S256 only.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof AUTHORIZATION_KINDS

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** Examines how a remote server authorizes clients, starting without a token. */
export async function authorizationProbe(endpoint: RemoteEndpoint): Promise<Result> {
  const { url } = endpoint
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  const find = (code: Code, message: string): void => void findings.push({ code, message })
  const note = (text: string): void => void evidence.push({ item: 8, text })
  if (url.protocol !== 'https:' && !isLoopback(url.hostname)) find('NOT_TLS', 'its URL starts with http:')
  const { access, reply } = await handshake(endpoint)
  if (access === 'granted') find('NO_TOKEN_ACCEPTED', 'a request without a token was answered')
  const unguarded = access === 'granted' ? undefined : await callWithoutHandshake(endpoint)
  if (unguarded !== undefined)
    find('NO_TOKEN_ACCEPTED', `${unguarded} was answered without a token, although the handshake was refused`)
  if (access === 'unclear') find('DOOR_UNCLEAR', `a request without a token was answered with HTTP ${reply.status}`)
  if (access !== 'refused') return { findings, evidence }
  const challenge = String(reply.headers['www-authenticate'] ?? '')
  const named = /resource_metadata="([^"]{1,2048})"/i.exec(challenge)?.[1]
  if (reply.status !== 401 || !/^bearer\b/i.test(challenge) || named === undefined)
    find('CHALLENGE_MISSING', challengeProblem(reply.status, challenge))
  else note('without a token: 401 with a challenge that references the metadata')
  const metadata = await metadataOf(endpoint, named)
  if (!metadata)
    find('METADATA_MISSING', 'there is no metadata document at the URL in the challenge or at the RFC 9728 location')
  else await judgeMetadata(metadata, endpoint, find, note)
  return { findings, evidence }
}

function challengeProblem(status: number, challenge: string): string {
  if (status !== 401) return `HTTP ${status} instead of 401`
  return challenge === '' ? 'a 401 without WWW-Authenticate' : 'a challenge without resource_metadata'
}

/**
 * Fetches the metadata from the URL in the challenge, if that is on this server, and otherwise from the RFC 9728
 * locations.
 */
async function metadataOf(endpoint: RemoteEndpoint, named: string | undefined): Promise<JsonObject | undefined> {
  const { origin, pathname } = endpoint.url
  const suffix = pathname === '/' ? '' : pathname
  const locations = [`${origin}${WELL_KNOWN}${suffix}`, `${origin}${WELL_KNOWN}`]
  if (named !== undefined && URL.canParse(named) && new URL(named).origin === origin) locations.unshift(named)
  for (const location of new Set(locations)) {
    const found = await documentAt(new URL(location), endpoint)
    if (found) return found
  }
  return undefined
}

async function judgeMetadata(
  metadata: JsonObject,
  endpoint: RemoteEndpoint,
  find: (code: Code, message: string) => void,
  note: (text: string) => void,
): Promise<void> {
  const { resource, authorization_servers: servers, bearer_methods_supported: methods } = metadata
  if (!isSame(resource, endpoint.url)) find('METADATA_WRONG_RESOURCE', `its resource is ${sanitize(resource, 120)}`)
  else note('its metadata names this URL as the resource')
  if (Array.isArray(methods) && methods.includes('query'))
    find('TOKEN_IN_QUERY_OFFERED', 'bearer_methods_supported contains query')
  const named = Array.isArray(servers) ? (servers as unknown[]).slice(0, 4) : []
  const providers = named.filter((each): each is string => typeof each === 'string' && URL.canParse(each))
  if (providers.length === 0 || providers.length < named.length)
    find('METADATA_INVALID', 'authorization_servers is not a list of URLs')
  for (const provider of providers) await judgeProvider(new URL(provider), endpoint, find, note)
}

function isSame(resource: unknown, url: URL): boolean {
  if (typeof resource !== 'string' || !URL.canParse(resource)) return false
  const { origin, pathname } = new URL(resource)
  // RFC 9728 also allows a resource that covers everything below its origin.
  return origin === url.origin && (pathname === url.pathname || pathname === '/')
}

async function judgeProvider(
  issuer: URL,
  endpoint: RemoteEndpoint,
  find: (code: Code, message: string) => void,
  note: (text: string) => void,
): Promise<void> {
  const name = sanitize(issuer.host, 80)
  if (issuer.protocol !== 'https:' && !isLoopback(issuer.hostname))
    find('PROVIDER_NOT_TLS', `the URL of ${name} starts with http:`)
  const metadata = await providerMetadata(issuer, endpoint)
  if (!metadata) return find('PROVIDER_UNREACHABLE', `${name} has no metadata, or it cannot be fetched from here`)
  const methods = listOf(metadata.code_challenge_methods_supported)
  const offersCode = listOf(metadata.response_types_supported).includes('code')
  if (!methods.includes('S256') || !offersCode)
    find(
      'PKCE_MISSING',
      `${name} offers ${offersCode ? 'the' : 'no'} code flow; PKCE methods: ${sanitize(methods.join(', '), 60) || 'none'}`,
    )
  else note(`${name} offers the code flow with PKCE (S256)`)
  if (methods.includes('plain')) find('PKCE_PLAIN', `${name} offers ${sanitize(methods.join(', '), 60)}`)
}

async function providerMetadata(issuer: URL, endpoint: RemoteEndpoint): Promise<JsonObject | undefined> {
  const path = issuer.pathname === '/' ? '' : issuer.pathname.replace(/\/$/, '')
  for (const place of [
    `/.well-known/oauth-authorization-server${path}`,
    `/.well-known/openid-configuration${path}`,
    `${path}/.well-known/openid-configuration`,
  ]) {
    const found = await documentAt(new URL(place, issuer.origin), endpoint)
    if (found) return found
  }
  return undefined
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, 50) : []
}

/** The issuer and audience for forged tokens, taken from the server’s own metadata. */
export async function claimsOf(endpoint: RemoteEndpoint): Promise<{ issuer: string; audience: string }> {
  const metadata = await metadataOf(endpoint, undefined)
  const [issuer] = listOf(metadata?.authorization_servers)
  const audience = metadata?.resource
  return {
    issuer: typeof issuer === 'string' ? issuer : endpoint.url.origin,
    audience: typeof audience === 'string' ? audience : endpoint.url.href,
  }
}
