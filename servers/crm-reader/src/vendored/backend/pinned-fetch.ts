import { createEchoCheck, type EchoCheck } from './credential-echo.ts'

/** A request that an adapter makes. */
export interface BackendRequest<Endpoint extends string> {
  /** One of the adapter's closed list: `GET /tickets/{id}`. */
  readonly endpoint: Endpoint
  /** The endpoint's path with its ids filled in. Build it with `urlPath`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** Sends requests of one kind to the backend, with the credential. */
export type BackendFetch<Request> = ((request: Request) => Promise<Response>) & {
  /** Whether a text of the backend’s holds the credential. */
  readonly holdsCredential: EchoCheck
}

/**
 * Makes the one function that sends requests to the backend. It holds the credential, which nothing else can read, and
 * sends it nowhere but to `base`.
 *
 * @param token the credential
 * @param base where the backend's API begins
 * @param endpoints the closed list of `METHOD /path/{template}` that may ever be sent
 * @throws if a request is not on the list, or would leave `base`
 */
export function pinFetch<Endpoint extends string>(token: string, base: URL, endpoints: readonly Endpoint[]) {
  const prefix = base.pathname.replace(/\/+$/, '')
  const allowed = new Map<string, RegExp>(endpoints.map(endpoint => [endpoint, patternOf(endpoint)]))
  const send = async (method: string, request: BackendRequest<Endpoint>, body?: string): Promise<Response> => {
    const { endpoint, path, query, headers, signal } = request
    if (!allowed.get(endpoint)?.test(path) || !endpoint.startsWith(`${method} `))
      throw new Error(`not an endpoint of this server: ${endpoint}`)
    const url = new URL(prefix + path, base)
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
    if (url.origin !== base.origin || url.pathname !== prefix + path) throw new Error('the request would go elsewhere')
    return await fetch(url, {
      method,
      headers: { ...headers, authorization: `Bearer ${token}` },
      ...(body !== undefined && { body }),
      // A redirect is never followed: it could carry the credential elsewhere.
      redirect: 'manual',
      signal,
    })
  }
  return Object.assign(send, { holdsCredential: createEchoCheck(token) })
}

function patternOf(endpoint: string): RegExp {
  const [, template = ''] = endpoint.split(' ')
  return new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/?#]+')}$`)
}
