import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import type { ClientMetadata } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { Reach } from './reachable-address.ts'
import { lookupWithin, mayReach } from './reachable-address.ts'

const MOST_BYTES = 5 * 1024
const DEADLINE_MS = 3000
const KEPT_MS = 5 * 60_000
/** Short, and there at all because one failing request makes the library look the client up twice. */
const FAILURE_KEPT_MS = 5000
const MOST_KEPT = 200
const MOST_AT_ONCE = 10
const GRANTS: readonly unknown[] = ['authorization_code', 'refresh_token']
const LOOPBACK_NAMES = ['127.0.0.1', '[::1]', 'localhost']

interface Kept {
  readonly until: number
  readonly result: Promise<ClientMetadata>
}

/**
 * Clients whose id is the https address of a JSON document about them (OAuth Client ID Metadata Document). The library
 * has this too, but never for loopback; here an app under development may also have `http://127.0.0.1:8000/app.json`.
 * Whoever asks for an authorization names the address, so what is fetched is bounded in every way.
 */
export class ClientMetadataDocuments {
  readonly #kept = new Map<string, Kept>()
  #underWay = 0

  /** @throws errors.InvalidClientMetadata when the id is such an address and there is no good document at it */
  async find(id: string): Promise<ClientMetadata | undefined> {
    const url = documentUrl(id)
    if (url === undefined) return undefined
    const kept = this.#kept.get(id)
    if (kept !== undefined && kept.until > Date.now()) return kept.result
    if (this.#underWay >= MOST_AT_ONCE) throw new errors.TemporarilyUnavailable('too many clients at once')
    this.#underWay++
    const result = load(url, id).finally(() => this.#underWay--)
    this.#keep(id, result, KEPT_MS)
    result.catch(() => this.#keep(id, result, FAILURE_KEPT_MS))
    return result
  }

  #keep(id: string, result: Promise<ClientMetadata>, forMs: number): void {
    this.#kept.delete(id)
    this.#kept.set(id, { until: Date.now() + forMs, result })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
  }
}

/** The address, if an id is one in its only spelling: so that two ids are never one document. */
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
    // The reason is for callers of this: it would tell a stranger what is listening where.
    throw new errors.InvalidClientMetadata('the client metadata document could not be fetched', { cause })
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new errors.InvalidClientMetadata('the client metadata document is not a JSON object')
  }
  const { token_endpoint_auth_method = 'none', grant_types: grants, ...rest } = document as Record<string, unknown>
  if (rest.client_id !== id) {
    throw new errors.InvalidClientMetadata('the client_id in the client metadata document is not its address')
  }
  // A secret in a public document is none.
  if (token_endpoint_auth_method !== 'none' || 'client_secret' in rest) {
    throw new errors.InvalidClientMetadata('a client with a metadata document can only be a public client here')
  }
  // A document is written for every provider there is; what this one does not have is left out. The library checks
  // the rest.
  const known = Array.isArray(grants) ? grants.filter(grant => GRANTS.includes(grant)) : grants
  return {
    ...rest,
    client_id: id,
    token_endpoint_auth_method,
    ...(known !== undefined && { grant_types: known }),
  } as ClientMetadata
}

function fetchText(url: URL): Promise<string> {
  const secure = url.protocol === 'https:'
  const reach: Reach = secure ? 'loopback or public' : 'loopback'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // An address in the URL itself is never looked up.
  if (isIP(host) !== 0 && !mayReach(host, reach)) return Promise.reject(new Error('out of reach'))
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
        // Redirects are not followed: they would name another place than the id does.
        if (response.statusCode !== 200) throw new Error('not 200')
        const chunks: Buffer[] = []
        let bytes = 0
        for await (const chunk of response as AsyncIterable<Buffer>) {
          bytes += chunk.length
          if (bytes > MOST_BYTES) throw new Error('too long')
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
