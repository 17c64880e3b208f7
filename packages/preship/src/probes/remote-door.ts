import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { JsonObject } from '../surface.ts'
import type { Door } from './probe.ts'
import { documentAt, isLoopback, knock, walkPast } from './remote-request.ts'

export const DOOR_KINDS = {
  NOT_TLS: {
    item: 8,
    severity: 'error',
    title: 'a remote server is reached without TLS',
    why: 'Tokens and data can be read and changed on the way.',
    narrow: 'Serve https; plain http on loopback only.',
  },
  NO_TOKEN_ACCEPTED: {
    item: 8,
    severity: 'error',
    title: 'a remote server lets in callers without a token',
    why: 'Whoever reaches the address can use every tool, with the server’s own credential behind it.',
    narrow: 'Ask for an OAuth 2.1 access token: 401 with a challenge where there is none.',
  },
  DOOR_UNCLEAR: {
    item: 8,
    severity: 'warning',
    title: 'it cannot be told whether a token is asked for',
    why: 'A caller without one got neither in nor a 401.',
    narrow: 'Check the token before anything else of a request is looked at.',
  },
  CHALLENGE_MISSING: {
    item: 8,
    severity: 'error',
    title: 'a refusal does not say how to be let in',
    why: 'Clients find the identity provider through the challenge; without it people paste long-lived tokens into files.',
    narrow: 'Answer 401 with WWW-Authenticate: Bearer resource_metadata="…".',
  },
  METADATA_MISSING: {
    item: 8,
    severity: 'error',
    title: 'there is no metadata of the protected resource',
    why: 'A client cannot know which identity provider to ask, nor for what.',
    narrow: 'Serve the RFC 9728 document at /.well-known/oauth-protected-resource, and name it in the challenge.',
  },
  METADATA_WRONG_RESOURCE: {
    item: 8,
    severity: 'error',
    title: 'the metadata is about another resource',
    why: 'A client that follows it gets a token for somebody else, or is led to somebody else’s provider.',
    narrow: 'Let resource be the address of this server, exactly as clients are given it.',
  },
  METADATA_INVALID: {
    item: 8,
    severity: 'error',
    title: 'the metadata lacks what a client needs',
    why: 'Without an authorization server there is nobody to get a token from.',
    narrow: 'Name at least one authorization server, each as an https URL.',
  },
  TOKEN_IN_QUERY_OFFERED: {
    item: 8,
    severity: 'error',
    title: 'tokens may stand in the address',
    why: 'Addresses end up in logs, histories and referrers.',
    narrow: 'Let bearer_methods_supported be ["header"], and refuse access_token in a query.',
  },
  PROVIDER_UNREACHABLE: {
    item: 8,
    severity: 'warning',
    title: 'the identity provider’s metadata cannot be had',
    why: 'Whether it offers the code flow with PKCE is not known.',
    narrow: 'Serve RFC 8414 metadata at the provider; look at it by hand if it is inside a network.',
  },
  PROVIDER_NOT_TLS: {
    item: 8,
    severity: 'error',
    title: 'the identity provider is reached without TLS',
    why: 'Codes, tokens and passwords can be read on the way.',
    narrow: 'Name the provider by an https address.',
  },
  PKCE_MISSING: {
    item: 8,
    severity: 'error',
    title: 'the identity provider does not offer PKCE with S256',
    why: 'Whoever catches a code on its way back can trade it for a token.',
    narrow: 'Offer the code flow with code_challenge_methods_supported: ["S256"].',
  },
  PKCE_PLAIN: {
    item: 8,
    severity: 'warning',
    title: 'the identity provider offers PKCE with plain',
    why: 'A plain challenge is the secret itself.',
    narrow: 'Offer S256 alone.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof DOOR_KINDS

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** Looks at how a remote server lets people in, as somebody who has no token. */
export async function doorProbe(door: Door): Promise<Result> {
  const { url } = door
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  const find = (code: Code, message: string): void => void findings.push({ code, message })
  const note = (text: string): void => void evidence.push({ item: 8, text })
  if (url.protocol !== 'https:' && !isLoopback(url.hostname)) find('NOT_TLS', 'its address begins with http:')
  const { entry, reply } = await knock(door)
  if (entry === 'let in') find('NO_TOKEN_ACCEPTED', 'a request without a token was answered')
  const past = entry === 'let in' ? undefined : await walkPast(door)
  if (past !== undefined) find('NO_TOKEN_ACCEPTED', `${past} was answered without a token, the greeting was not`)
  if (entry === 'unclear') find('DOOR_UNCLEAR', `a request without a token was answered with HTTP ${reply.status}`)
  if (entry !== 'refused') return { findings, evidence }
  const challenge = String(reply.headers['www-authenticate'] ?? '')
  const named = /resource_metadata="([^"]{1,2048})"/i.exec(challenge)?.[1]
  if (reply.status !== 401 || !/^bearer\b/i.test(challenge) || named === undefined)
    find('CHALLENGE_MISSING', missingOf(reply.status, challenge))
  else note('without a token: 401, with a challenge that names the metadata')
  const metadata = await metadataOf(door, named)
  if (!metadata) find('METADATA_MISSING', 'there is no such document where the challenge and RFC 9728 have it')
  else await judgeMetadata(metadata, door, find, note)
  return { findings, evidence }
}

function missingOf(status: number, challenge: string): string {
  if (status !== 401) return `HTTP ${status} in place of 401`
  return challenge === '' ? 'a 401 without WWW-Authenticate' : 'a challenge without resource_metadata'
}

/** Where the challenge has it, if that is at this server; else where the standard has it. */
async function metadataOf(door: Door, named: string | undefined): Promise<JsonObject | undefined> {
  const { origin, pathname } = door.url
  const suffix = pathname === '/' ? '' : pathname
  const places = [`${origin}${WELL_KNOWN}${suffix}`, `${origin}${WELL_KNOWN}`]
  if (named !== undefined && URL.canParse(named) && new URL(named).origin === origin) places.unshift(named)
  for (const place of new Set(places)) {
    const found = await documentAt(new URL(place), door)
    if (found) return found
  }
  return undefined
}

async function judgeMetadata(
  metadata: JsonObject,
  door: Door,
  find: (code: Code, message: string) => void,
  note: (text: string) => void,
): Promise<void> {
  const { resource, authorization_servers: servers, bearer_methods_supported: methods } = metadata
  if (!isSame(resource, door.url)) find('METADATA_WRONG_RESOURCE', `it says that it is about ${plain(resource, 120)}`)
  else note('its metadata is about this address')
  if (Array.isArray(methods) && methods.includes('query'))
    find('TOKEN_IN_QUERY_OFFERED', 'bearer_methods_supported has query')
  const named = Array.isArray(servers) ? (servers as unknown[]).slice(0, 4) : []
  const providers = named.filter((each): each is string => typeof each === 'string' && URL.canParse(each))
  if (providers.length === 0 || providers.length < named.length)
    find('METADATA_INVALID', 'authorization_servers holds no list of URLs')
  for (const provider of providers) await judgeProvider(new URL(provider), door, find, note)
}

function isSame(resource: unknown, url: URL): boolean {
  if (typeof resource !== 'string' || !URL.canParse(resource)) return false
  const { origin, pathname } = new URL(resource)
  // The standard also lets a resource stand for everything below it.
  return origin === url.origin && (pathname === url.pathname || pathname === '/')
}

async function judgeProvider(
  issuer: URL,
  door: Door,
  find: (code: Code, message: string) => void,
  note: (text: string) => void,
): Promise<void> {
  const name = plain(issuer.host, 80)
  if (issuer.protocol !== 'https:' && !isLoopback(issuer.hostname))
    find('PROVIDER_NOT_TLS', `${name} is named with http:`)
  const metadata = await providerMetadata(issuer, door)
  if (!metadata) return find('PROVIDER_UNREACHABLE', `${name} shows none, or none that can be fetched from here`)
  const methods = listOf(metadata.code_challenge_methods_supported)
  const offersCode = listOf(metadata.response_types_supported).includes('code')
  if (!methods.includes('S256') || !offersCode)
    find(
      'PKCE_MISSING',
      `${name} offers ${offersCode ? '' : 'no code flow and '}${plain(methods.join(', '), 60) || 'no PKCE'}`,
    )
  else note(`${name} offers the code flow with PKCE (S256)`)
  if (methods.includes('plain')) find('PKCE_PLAIN', `${name} offers ${plain(methods.join(', '), 60)}`)
}

async function providerMetadata(issuer: URL, door: Door): Promise<JsonObject | undefined> {
  const path = issuer.pathname === '/' ? '' : issuer.pathname.replace(/\/$/, '')
  for (const place of [
    `/.well-known/oauth-authorization-server${path}`,
    `/.well-known/openid-configuration${path}`,
    `${path}/.well-known/openid-configuration`,
  ]) {
    const found = await documentAt(new URL(place, issuer.origin), door)
    if (found) return found
  }
  return undefined
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, 50) : []
}

/** What tokens that are made up here claim: what the server says of itself. */
export async function claimsOf(door: Door): Promise<{ issuer: string; audience: string }> {
  const metadata = await metadataOf(door, undefined)
  const [issuer] = listOf(metadata?.authorization_servers)
  const audience = metadata?.resource
  return {
    issuer: typeof issuer === 'string' ? issuer : door.url.origin,
    audience: typeof audience === 'string' ? audience : door.url.href,
  }
}
