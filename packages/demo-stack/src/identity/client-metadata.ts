import { errors } from 'oidc-provider'

const ALLOWED = [
  'application_type',
  'client_id',
  'client_id_issued_at',
  'client_name',
  'client_secret',
  'client_secret_expires_at',
  'grant_types',
  'redirect_uris',
  'response_types',
  'token_endpoint_auth_method',
]
const MAX_REDIRECT_URIS = 20
const MAX_LENGTH = 1000

/**
 * Removes the client metadata that is not needed, in place. Some of it would make the provider fetch URLs that the
 * client chose, and `scope` cannot be checked before the resource is known.
 */
export function narrowClientMetadata(metadata: Record<string, unknown>): void {
  for (const name of Object.keys(metadata)) if (!ALLOWED.includes(name)) delete metadata[name]
  const { client_name: name, redirect_uris: uris } = metadata
  if (typeof name === 'string' && name.length > MAX_LENGTH) invalid('client_name is too long')
  if (!Array.isArray(uris)) return
  if (uris.length > MAX_REDIRECT_URIS) invalid('too many redirect_uris')
  if (uris.some(uri => typeof uri === 'string' && uri.length > MAX_LENGTH)) invalid('a redirect_uri is too long')
  // Many native apps do not declare that they are native. The redirect URI of a native app may have any port on
  // loopback (RFC 8252), and plain http is allowed on loopback only.
  metadata.application_type = uris.every(uri => /^https:/i.test(uri)) ? 'web' : 'native'
}

function invalid(message: string): never {
  throw new errors.InvalidClientMetadata(message)
}
