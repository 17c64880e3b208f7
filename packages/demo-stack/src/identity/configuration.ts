import type { AdapterFactory, Configuration, KoaContextWithOIDC, ResourceServer } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { isLoopbackOrigin } from './browser-clients.ts'
import { narrowClientMetadata } from './client-metadata.ts'
import { consentPolicy } from './consent.ts'
import type { Keys } from './keys.ts'
import { ALGORITHM } from './keys.ts'
import { errorPage, sendPage } from './pages.ts'
import type { Person } from './people.ts'
import type { Catalogue } from './resources.ts'
import { findResource } from './resources.ts'

const HOUR = 3600
const DAY = 24 * HOUR

export interface ProviderSettings {
  readonly catalogue: Catalogue
  readonly people: readonly Person[]
  readonly keys: Keys
  readonly adapter: AdapterFactory
  readonly accessTokenSeconds: number
}

/** Configures OAuth 2.1 only: the code flow with PKCE, rotated refresh tokens, and one resource per token. */
export function configuration({
  catalogue,
  people,
  keys,
  adapter,
  accessTokenSeconds,
}: ProviderSettings): Configuration {
  return {
    adapter,
    jwks: { keys: [...keys.signing] } as NonNullable<Configuration['jwks']>,
    cookies: {
      keys: [...keys.cookies],
      // Cookies are shared between ports, so the names must differ from those of other servers on this machine.
      names: { session: 'nd_demo_session', interaction: 'nd_demo_interaction', resume: 'nd_demo_resume' },
    },
    responseTypes: ['code'],
    pkce: { required: () => true },
    scopes: ['openid', 'offline_access'],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: ALGORITHM,
    },
    enabledJWA: { idTokenSigningAlgValues: [ALGORITHM] },
    extraClientMetadata: {
      // The validator runs once for each property listed here, and can change all metadata.
      properties: ['scope'],
      validator: (_ctx, _name, _value, metadata) => narrowClientMetadata(metadata as Record<string, unknown>),
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    expiresWithSession: async () => false,
    findAccount: async (_ctx, sub) =>
      people.some(person => person.sub === sub) ? { accountId: sub, claims: async () => ({ sub }) } : undefined,
    interactions: { policy: consentPolicy(catalogue, people), url: (_ctx, { uid }) => `/interaction/${uid}` },
    clientBasedCORS: (_ctx, origin, client) =>
      isLoopbackOrigin(origin) || (client.redirectUris ?? []).some(uri => URL.parse(uri)?.origin === origin),
    renderError: (ctx, { error, error_description }) => sendPage(ctx, errorPage(error, error_description)),
    // No URL in the client metadata needs to be fetched, because narrowClientMetadata removes them.
    fetch: () => Promise.reject(new Error('the identity provider does not fetch URLs of client metadata')),
    // Announced here because client-metadata-document.ts replaces the library's own implementation.
    discovery: { client_id_metadata_document_supported: true },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      registration: { enabled: true, issueRegistrationAccessToken: false },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf ?? refuse('the resource parameter is missing'),
        getResourceServerInfo: (ctx, identifier) => resourceServer(ctx, identifier, catalogue, accessTokenSeconds),
      },
    },
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      Grant: 14 * DAY,
      IdToken: 600,
      Interaction: HOUR / 4,
      RefreshToken: 14 * DAY,
      Session: 8 * HOUR,
    },
  }
}

function resourceServer(
  ctx: KoaContextWithOIDC,
  identifier: string,
  catalogue: Catalogue,
  accessTokenTTL: number,
): ResourceServer {
  const { resource: requested, scope } = ctx.oidc.params ?? {}
  if (Array.isArray(requested) && requested.length > 1) refuse('only one resource can be requested at a time')
  const resource = findResource(catalogue, identifier) ?? refuse('unknown resource')
  const known = Object.keys(resource.scopes)
  const scopes = String(scope ?? '').split(' ')
  if (ctx.oidc.route === 'authorization' && !known.some(name => scopes.includes(name))) {
    throw new errors.InvalidScope(
      `request at least one scope of this resource: ${known.join(', ')}`,
      String(scope ?? ''),
    )
  }
  return {
    audience: resource.url,
    scope: known.join(' '),
    accessTokenTTL,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: ALGORITHM } },
  }
}

function refuse(description: string): never {
  throw new errors.InvalidTarget(description)
}
