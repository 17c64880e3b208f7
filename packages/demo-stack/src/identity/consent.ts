import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import { interactionPolicy } from 'oidc-provider'
import type { Person } from './people.ts'
import type { Catalogue, ProtectedResource } from './resources.ts'
import { findResource } from './resources.ts'

/** What an app asks for at one resource, sorted by what this person can do about it. */
export interface Request {
  readonly resource: ProtectedResource
  /** The resource as the app spelled it: grants are kept under that. */
  readonly identifier: string
  /** What the person can allow, and has not yet. */
  readonly fresh: readonly string[]
  /** What the app has already. */
  readonly held: readonly string[]
  /** What this person cannot allow anybody. */
  readonly withheld: readonly string[]
}

export function weigh(
  resource: ProtectedResource,
  identifier: string,
  scope: unknown,
  person: Person,
  grant: Grant | undefined,
): Request {
  const names = new Set(String(scope ?? '').split(' '))
  const asked = Object.keys(resource.scopes).filter(name => names.has(name))
  const granted = grant?.getResourceScope(identifier).split(' ') ?? []
  const possible = asked.filter(name => person.may.includes(name))
  return {
    resource,
    identifier,
    fresh: possible.filter(name => !granted.includes(name)),
    held: possible.filter(name => granted.includes(name)),
    withheld: asked.filter(name => !person.may.includes(name)),
  }
}

/**
 * When a person is asked. As the library does, but for the scopes of resources: what this person cannot grant is no
 * reason to ask again each time, unless nothing else was asked for; then they are told.
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
      return request === undefined || request.fresh.length > 0 || request.held.length === 0
    }),
  )
  return policy
}

function requestOf({ oidc }: KoaContextWithOIDC, catalogue: Catalogue, people: readonly Person[]): Request | undefined {
  const [identifier = ''] = Object.keys(oidc.resourceServers ?? {})
  const resource = findResource(catalogue, identifier)
  const person = people.find(({ sub }) => sub === oidc.session?.accountId)
  if (resource === undefined || person === undefined) return undefined
  return weigh(resource, identifier, oidc.params?.scope, person, oidc.entities.Grant)
}
