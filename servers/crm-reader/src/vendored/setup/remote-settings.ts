import type { Addresses, OAuth } from '#remote'
import type { REMOTE_SETTINGS } from './common-variables.ts'
import { isLoopback } from './loopback.ts'
import { ConfigError, type ConfigOf, type Given } from './settings.ts'

type RemoteConfig = ConfigOf<typeof REMOTE_SETTINGS>

/** Who lets remote callers in. Undefined: nobody is asked for a token. */
export function oauthOf({ publicUrl: url, issuer, audience = url ?? '' }: RemoteConfig): OAuth | undefined {
  // A URL without a path can be written with a slash at its end, or without.
  return url && issuer ? { url, issuer, audience: [...new Set([audience, otherSpelling(audience)])] } : undefined
}

function otherSpelling(audience: string): string {
  const [origin] = /^https?:\/\/[^/]+(?=\/?$)/.exec(audience) ?? []
  return origin === undefined ? audience : audience === origin ? `${origin}/` : origin
}

/** The host names and origins that are allowed: what the operator says, else the public URL's and loopback's. */
export function addressesOf(
  { publicUrl, issuer, allowedHosts, allowedOrigins }: RemoteConfig,
  host: string,
  port: number,
): Addresses {
  const local = isLoopback(host) ? [...new Set(['localhost', '127.0.0.1', '[::1]', inUrl(host)])] : []
  const own = publicUrl && issuer ? new URL(publicUrl) : undefined
  return {
    hosts: allowedHosts ?? [...(own ? [own.host] : []), ...local],
    origins: allowedOrigins ?? [...(own ? [own.origin] : []), ...local.map(name => `http://${name}:${port}`)],
  }
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** What else has to be set before remote callers can be served at `host`. @throws {ConfigError} */
export function assertRemote(host: string, given: Given): void {
  const problems: string[] = []
  if (!isLoopback(host) && !given.OAUTH_ISSUER)
    problems.push(`OAUTH_ISSUER and MCP_PUBLIC_URL are required to listen at ${host}, where others can call`)
  if (!given.AUDIT_FILE) problems.push('AUDIT_FILE is required to serve remote callers')
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
}
