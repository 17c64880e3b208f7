/** Something that takes access tokens: for an MCP server, its public URL and what can be allowed there. */
export interface ProtectedResource {
  /** The resource identifier, which is also the audience of its tokens. */
  readonly url: string
  /** What people call it. */
  readonly name: string
  /** Each scope, with what it lets an app do in a person's words: "publish a draft to the live blog". */
  readonly scopes: Readonly<Record<string, string>>
}

/** The resources as they are now: servers may start, and learn their ports, after the identity provider. */
export type Catalogue = () => readonly ProtectedResource[]

/**
 * The resource that an identifier names. Some clients write `http://host.example` as `http://host.example/`, so identifiers are
 * compared as URLs; the token's audience is always the resource's own spelling.
 */
export function findResource(catalogue: Catalogue, identifier: string): ProtectedResource | undefined {
  const href = URL.parse(identifier)?.href
  if (href === undefined) return undefined
  return catalogue().find(({ url }) => URL.parse(url)?.href === href)
}

/** Every scope of every resource, once. */
export function allScopes(catalogue: Catalogue): string[] {
  return [...new Set(catalogue().flatMap(({ scopes }) => Object.keys(scopes)))]
}
