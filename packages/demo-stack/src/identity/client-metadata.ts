import { errors } from 'oidc-provider'

const KEPT = [
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
const MOST_REDIRECT_URIS = 20
const LONGEST = 1000

/**
 * What an app may say about itself, cut down in place. All else is dropped: some of it would make the provider fetch
 * URLs of the app's choice, and `scope` would have to be known before the resource is.
 */
export function narrowClientMetadata(metadata: Record<string, unknown>): void {
  for (const name of Object.keys(metadata)) if (!KEPT.includes(name)) delete metadata[name]
  const { client_name: name, redirect_uris: uris } = metadata
  if (typeof name === 'string' && name.length > LONGEST) invalid('client_name is too long')
  if (!Array.isArray(uris)) return
  if (uris.length > MOST_REDIRECT_URIS) invalid('too many redirect_uris')
  if (uris.some(uri => typeof uri === 'string' && uri.length > LONGEST)) invalid('a redirect_uri is too long')
  // Many native apps do not say that they are; as one, an app may come back to any port on loopback (RFC 8252), and
  // plain http is for loopback only.
  metadata.application_type = uris.every(uri => /^https:/i.test(uri)) ? 'web' : 'native'
}

function invalid(message: string): never {
  throw new errors.InvalidClientMetadata(message)
}
