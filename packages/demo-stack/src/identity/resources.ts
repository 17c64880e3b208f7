/** A resource server that accepts access tokens, such as an MCP server. */
export interface ProtectedResource {
  /** The resource identifier and the audience of its tokens: the public URL of an MCP server. */
  readonly url: string
  /** Its name on the consent page. */
  readonly name: string
  /** Each scope, with what it lets an app do: "publish drafts on the live blog". */
  readonly scopes: Readonly<Record<string, string>>
}

/** Returns the current resources. They can change, because servers may start after the identity provider. */
export type Catalogue = () => readonly ProtectedResource[]

/**
 * Finds the resource with this identifier. Identifiers are compared as URLs, because some clients write
 * `http://host.example` as `http://host.example/`. The audience of a token always has the spelling of the resource.
 */
export function findResource(catalogue: Catalogue, identifier: string): ProtectedResource | undefined {
  const href = URL.parse(identifier)?.href
  if (href === undefined) return undefined
  return catalogue().find(({ url }) => URL.parse(url)?.href === href)
}

/** The scopes of all resources, without duplicates. */
export function allScopes(catalogue: Catalogue): string[] {
  return [...new Set(catalogue().flatMap(({ scopes }) => Object.keys(scopes)))]
}
