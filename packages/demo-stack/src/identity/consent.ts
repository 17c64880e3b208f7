import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import { interactionPolicy } from 'oidc-provider'
import type { Person } from './people.ts'
import type { Catalogue, ProtectedResource } from './resources.ts'
import { findResource } from './resources.ts'

/** The scopes that an app requests at one resource, grouped by whether the person can grant them. */
export interface ConsentRequest {
  readonly resource: ProtectedResource
  /** The resource identifier as the app spelled it. The library stores grants under this spelling. */
  readonly identifier: string
  /** Scopes that the person can grant and has not granted yet. */
  readonly newScopes: readonly string[]
  /** Scopes that the person has already granted to the app. */
  readonly grantedScopes: readonly string[]
  /** Scopes that the person cannot grant. */
  readonly forbiddenScopes: readonly string[]
}

export function consentRequest(
  resource: ProtectedResource,
  identifier: string,
  scope: unknown,
  person: Person,
  grant: Grant | undefined,
): ConsentRequest {
  const names = new Set(String(scope ?? '').split(' '))
  const requested = Object.keys(resource.scopes).filter(name => names.has(name))
  const granted = grant?.getResourceScope(identifier).split(' ') ?? []
  const possible = requested.filter(name => person.scopes.includes(name))
  return {
    resource,
    identifier,
    newScopes: possible.filter(name => !granted.includes(name)),
    grantedScopes: possible.filter(name => granted.includes(name)),
    forbiddenScopes: requested.filter(name => !person.scopes.includes(name)),
  }
}

/**
 * Decides when a person sees the consent page. It differs from the library's policy for resource scopes: scopes that
 * the person cannot grant do not cause another question. If the app requests no other scopes, the page says so.
 */
export function consentPolicy(catalogue: Catalogue, people: readonly Person[]): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  const checks = policy.get('consent')?.checks
  if (checks === undefined) throw new Error('the library has no consent prompt')
  checks.remove('rs_scopes_missing')
  checks.add(
    new interactionPolicy.Check('rs_scopes_missing', 'requested scopes not granted', 'consent_required', ctx => {
      if (ctx.oidc.result?.consent !== undefined) return false
      const request = requestOf(ctx, catalogue, people)
      return request === undefined || request.newScopes.length > 0 || request.grantedScopes.length === 0
    }),
  )
  return policy
}

function requestOf(
  { oidc }: KoaContextWithOIDC,
  catalogue: Catalogue,
  people: readonly Person[],
): ConsentRequest | undefined {
  const [identifier = ''] = Object.keys(oidc.resourceServers ?? {})
  const resource = findResource(catalogue, identifier)
  const person = people.find(({ sub }) => sub === oidc.session?.accountId)
  if (resource === undefined || person === undefined) return undefined
  return consentRequest(resource, identifier, oidc.params?.scope, person, oidc.entities.Grant)
}
