import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import * as z from 'zod'

/** The issuer’s keys are not available, so no token can be checked now. The cause is for the operator only. */
export class IssuerUnavailableError extends Error {
  override name = 'IssuerUnavailableError'
}

/** The public keys of the identity provider. */
export interface IssuerKeys {
  /** Finds the key that a token names. @throws {IssuerUnavailableError} or jose’s own error if there is no such key */
  readonly keyOf: JWTVerifyGetKey
  /** Fetches the keys now. @throws {IssuerUnavailableError} the keys that were known remain in use */
  reach(): Promise<void>
}

const TIMEOUT_MS = 5_000
/** Limit of one answer. No real key set comes near it. */
const MAX_BYTES = 256 * 1024
/** After a fetch of the keys, tokens that name an unknown key cause no other fetch for this long. */
const KEY_COOLDOWN_MS = 5_000
/** After a failure, the issuer is not asked again for this long. */
const FAILURE_COOLDOWN_MS = 1_000

const Metadata = z.object({ issuer: z.string(), jwks_uri: z.url() })
const Keys = z.object({ keys: z.array(z.looseObject({})) })

/** These errors mean that no key fits the token. Every other error says something about the issuer, not the token. */
const NO_SUCH_KEY = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported]

type KeySet = ReturnType<typeof createRemoteJWKSet>

/**
 * Finds an issuer’s keys through its metadata and keeps them for ten minutes. A token with an unknown key id makes it
 * fetch the keys again, so a key rotation needs no restart. The cooldowns keep a flood of invented key ids from becoming
 * a flood of requests to the issuer.
 *
 * @param identifier the issuer, spelled exactly as in `iss`
 */
export function createIssuerKeys(identifier: string): IssuerKeys {
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

/**
 * Where the metadata may be, in the order in which the addresses are tried. RFC 8414 puts the issuer’s path after the
 * well-known name. OpenID Connect puts it before, and some providers serve the OpenID document at both places.
 */
function metadataUrls({ origin, pathname }: URL): string[] {
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
    ...(path ? [`${origin}/.well-known/openid-configuration${path}`] : []),
  ]
}

/**
 * Whoever can change the keys on their way can sign any token, so they must come over HTTPS. An issuer on plain HTTP, for
 * development on loopback, may serve its keys from its own origin.
 */
function isSafe(address: string, identifier: string): boolean {
  const { protocol, origin } = new URL(address)
  return protocol === 'https:' || origin === new URL(identifier).origin
}

/** The same answer, read to its end. @throws if it is too long: any caller can cause a fetch */
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

/** The JSON of an answer. Undefined unless the status is 2xx and the body is JSON. */
async function bodyOf(response: Response): Promise<unknown> {
  return response.ok ? await response.json().catch(() => undefined) : undefined
}
