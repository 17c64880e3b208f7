import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import type { ClientMetadata } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { Reach } from './reachable-address.ts'
import { lookupWithin, mayReach } from './reachable-address.ts'

const MAX_BYTES = 5 * 1024
const DEADLINE_MS = 3000
const CACHE_MS = 5 * 60_000
/** Failures are cached because the library looks up the client twice in one request. */
const FAILURE_CACHE_MS = 5000
const MAX_CACHED = 200
const MAX_CONCURRENT = 10
const GRANTS: readonly unknown[] = ['authorization_code', 'refresh_token']
const LOOPBACK_NAMES = ['127.0.0.1', '[::1]', 'localhost']

interface CacheEntry {
  readonly until: number
  readonly result: Promise<ClientMetadata>
}

/**
 * Finds clients whose id is the https URL of a JSON document about them (OAuth Client ID Metadata Document). The
 * library supports this too, but not on loopback. Here an app under development can also use
 * `http://127.0.0.1:8000/app.json`. Anybody can start an authorization request with any URL, so fetches are limited in
 * address, size, time and number.
 */
export class ClientMetadataDocuments {
  readonly #cache = new Map<string, CacheEntry>()
  #running = 0

  /**
   * Resolves to undefined if the id is not such a URL.
   *
   * @throws errors.InvalidClientMetadata if there is no valid document at the URL
   */
  async find(id: string): Promise<ClientMetadata | undefined> {
    const url = documentUrl(id)
    if (url === undefined) return undefined
    const cached = this.#cache.get(id)
    if (cached !== undefined && cached.until > Date.now()) return cached.result
    if (this.#running >= MAX_CONCURRENT) throw new errors.TemporarilyUnavailable('too many clients are being looked up')
    this.#running++
    const result = load(url, id).finally(() => this.#running--)
    this.#store(id, result, CACHE_MS)
    result.catch(() => this.#store(id, result, FAILURE_CACHE_MS))
    return result
  }

  #store(id: string, result: Promise<ClientMetadata>, durationMs: number): void {
    this.#cache.delete(id)
    this.#cache.set(id, { until: Date.now() + durationMs, result })
    const [oldest] = this.#cache.keys()
    if (this.#cache.size > MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest)
  }
}

/** The URL of the document, if the id is a URL in its normalized spelling, so that two ids never share a document. */
export function documentUrl(id: string): URL | undefined {
  const url = id.length <= 500 ? URL.parse(id) : null
  if (url === null || url.href !== id || url.pathname === '/' || /[#@]/.test(id)) return undefined
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK_NAMES.includes(url.hostname))
  return secure ? url : undefined
}

async function load(url: URL, id: string): Promise<ClientMetadata> {
  let document: unknown
  try {
    document = JSON.parse(await fetchText(url))
  } catch (cause) {
    // The cause is not shown to the client, because it would reveal which ports are open on this network.
    throw new errors.InvalidClientMetadata('the client metadata document could not be fetched', { cause })
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new errors.InvalidClientMetadata('the client metadata document is not a JSON object')
  }
  const { token_endpoint_auth_method = 'none', grant_types: grants, ...rest } = document as Record<string, unknown>
  if (rest.client_id !== id) {
    throw new errors.InvalidClientMetadata(
      'the client_id in the client metadata document is not the URL of the document',
    )
  }
  // The document is public, so it cannot contain a secret.
  if (token_endpoint_auth_method !== 'none' || 'client_secret' in rest) {
    throw new errors.InvalidClientMetadata('a client with a metadata document must be a public client')
  }
  // The document is for all providers, so it can list grants that this one does not support. They are ignored. The
  // library checks the rest.
  const supported = Array.isArray(grants) ? grants.filter(grant => GRANTS.includes(grant)) : grants
  return {
    ...rest,
    client_id: id,
    token_endpoint_auth_method,
    ...(supported !== undefined && { grant_types: supported }),
  } as ClientMetadata
}

function fetchText(url: URL): Promise<string> {
  const secure = url.protocol === 'https:'
  const reach: Reach = secure ? 'loopback or public' : 'loopback'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // For an IP address in the URL, `lookup` is not called.
  if (isIP(host) !== 0 && !mayReach(host, reach)) return Promise.reject(new Error('the address is not allowed'))
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).get(url, {
      agent: false,
      lookup: lookupWithin(reach),
      signal: AbortSignal.timeout(DEADLINE_MS),
      headers: { Accept: 'application/json', 'Accept-Encoding': 'identity' },
    })
    request.on('error', reject)
    request.on('response', async response => {
      try {
        // Redirects are not followed, because the document must be at the URL that is the client id.
        if (response.statusCode !== 200) throw new Error('the status is not 200')
        const chunks: Buffer[] = []
        let bytes = 0
        for await (const chunk of response as AsyncIterable<Buffer>) {
          bytes += chunk.length
          if (bytes > MAX_BYTES) throw new Error('the document is too long')
          chunks.push(chunk)
        }
        resolve(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
      } catch (error) {
        request.destroy()
        reject(error)
      }
    })
  })
}
