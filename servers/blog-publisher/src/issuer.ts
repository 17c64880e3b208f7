// Copied on purpose: a fault here must stay here.
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import * as z from 'zod'

/** Whether a token is good cannot be told now: the issuer's keys cannot be had. The cause is for the operator alone. */
export class IssuerUnavailableError extends Error {
  override name = 'IssuerUnavailableError'
}

/** The identity provider, as far as this server knows it: its public keys. */
export interface Issuer {
  /** Finds the key that a token names. @throws {IssuerUnavailableError} or jose's own error if there is no such key */
  readonly keyOf: JWTVerifyGetKey
  /** Asks for the keys, now. @throws {IssuerUnavailableError} those that were known stay so */
  reach(): Promise<void>
}

const TIMEOUT_MS = 5_000
/** Far above any set of keys. */
const MAX_BYTES = 256 * 1024
/** How often a key that nobody knows makes us ask again, at most. */
const KEY_COOLDOWN_MS = 5_000
/** How long a failure to get an answer is taken for the answer. */
const FAILURE_COOLDOWN_MS = 1_000

const Metadata = z.object({ issuer: z.string(), jwks_uri: z.url() })
const Keys = z.object({ keys: z.array(z.looseObject({})) })

/** Each says of a token that no key fits it; anything else says nothing of the token. */
const NO_SUCH_KEY = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported]

type KeySet = ReturnType<typeof createRemoteJWKSet>

/**
 * Finds an issuer's keys by its metadata, keeps them for ten minutes, and asks anew for a key that it does not know:
 * a rotation needs nobody's help, and a flood of made-up key names makes no flood of requests.
 *
 * @param identifier letter by letter as it stands in `iss`
 */
export function createIssuer(identifier: string): Issuer {
  let failedAt = Number.NEGATIVE_INFINITY
  let keySet: Promise<KeySet> | undefined

  const ask = async (url: string): Promise<Response> => {
    if (performance.now() - failedAt < FAILURE_COOLDOWN_MS) throw new Error('the issuer did not answer a moment ago')
    try {
      return await whole(await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) }))
    } catch (error) {
      failedAt = performance.now()
      throw error
    }
  }
  const askForKeys = async (url: string): Promise<Response> => {
    const response = await ask(url)
    if (!Keys.safeParse(await bodyOf(response.clone())).success) failedAt = performance.now()
    return response
  }
  const discover = async (): Promise<KeySet> => {
    const urls = metadataUrls(new URL(identifier))
    for (const url of urls) {
      const { data } = Metadata.safeParse(await bodyOf(await ask(url)))
      if (data?.issuer !== identifier || !isSafe(data.jwks_uri, identifier)) continue
      return createRemoteJWKSet(new URL(data.jwks_uri), {
        cooldownDuration: KEY_COOLDOWN_MS,
        timeoutDuration: TIMEOUT_MS,
        [customFetch]: askForKeys,
      })
    }
    failedAt = performance.now()
    throw new Error(`none of these holds metadata of ${identifier} with an https: jwks_uri: ${urls.join(' ')}`)
  }
  const keys = (): Promise<KeySet> => {
    keySet ??= discover().catch(error => {
      keySet = undefined
      throw error
    })
    return keySet
  }

  return {
    async keyOf(header, token) {
      try {
        return await (await keys())(header, token)
      } catch (error) {
        if (NO_SUCH_KEY.some(kind => error instanceof kind)) throw error
        throw new IssuerUnavailableError('the issuer’s keys cannot be had', { cause: error })
      }
    },
    async reach() {
      try {
        await (await keys()).reload()
      } catch (error) {
        throw new IssuerUnavailableError('the issuer’s keys cannot be had', { cause: error })
      }
    },
  }
}

/** RFC 8414 puts the path behind the well-known name, OpenID Connect before it. */
function metadataUrls({ origin, pathname }: URL): string[] {
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
    ...(path ? [`${origin}/.well-known/openid-configuration${path}`] : []),
  ]
}

/** Keys that can be swapped on the way open every door. */
function isSafe(address: string, identifier: string): boolean {
  const { protocol, origin } = new URL(address)
  return protocol === 'https:' || origin === new URL(identifier).origin
}

/** The same answer, read to its end. @throws if it is too long: whoever knocks could make us read it */
async function whole({ status, body }: Response): Promise<Response> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    // Leaving the loop cancels the body.
    if (bytes > MAX_BYTES) throw new Error(`the issuer’s answer is over ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return new Response(bytes > 0 ? Buffer.concat(chunks) : null, { status })
}

/** Undefined if it is no answer to what was asked. */
async function bodyOf(response: Response): Promise<unknown> {
  return response.ok ? await response.json().catch(() => undefined) : undefined
}
