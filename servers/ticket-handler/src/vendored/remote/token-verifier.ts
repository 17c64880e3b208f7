import { errors, jwtVerify } from 'jose'
import * as z from 'zod'
import { type IssuerKeys, IssuerUnavailableError } from './issuer-keys.ts'

/** Who a token was issued to, and what it allows. The token itself is not passed on. */
export interface Principal {
  /** The person. */
  readonly sub: string
  /** The client program that acts for the person. */
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
}

/** The server does not accept the token. The message is a fixed text, with nothing of the token in it. */
export class TokenRefusedError extends Error {
  override name = 'TokenRefusedError'
}

/** Checks an access token. @throws {TokenRefusedError} @throws {IssuerUnavailableError} */
export type VerifyToken = (token: string) => Promise<Principal>

export interface TokenRules {
  /** Spelled exactly as in `iss`. */
  readonly issuer: string
  /** `aud` must name one of these. */
  readonly audience: readonly string[]
}

/**
 * Signatures that only the issuer can make. `none` is left out, and so are the HMAC algorithms: with those, the public
 * key could be used as the shared secret.
 */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')

const MAX_TOKEN_CHARACTERS = 8192

/** Checked before anything is decoded: decoders accept characters that the standard does not allow. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/

const Name = z.string().regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u)

const Claims = z.object({
  sub: Name,
  client_id: Name,
  jti: z.string().min(1),
  // JSON can contain 1e400, which is read as infinity.
  exp: z.number().max(Number.MAX_SAFE_INTEGER),
  // RFC 6749, 3.3: words with single spaces between them. A JSON array is not accepted.
  scope: z.string().regex(/^(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?$/),
  // A token that is bound to a key must be presented with a proof of that key, which this server cannot check.
  cnf: z.undefined().optional(),
})

/** Makes the function that checks access tokens by RFC 9068. Nothing in a token changes how it is checked. */
export function createTokenVerifier(rules: TokenRules, { keyOf }: IssuerKeys): VerifyToken {
  const options = {
    issuer: rules.issuer,
    audience: [...rules.audience],
    algorithms: ALGORITHMS,
    typ: 'at+jwt',
    requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti', 'scope'],
    maxTokenAge: '24h',
    clockTolerance: 5,
  }
  return async token => {
    if (token.length > MAX_TOKEN_CHARACTERS || !COMPACT_JWS.test(token)) throw new TokenRefusedError('not a JWT')
    const { payload } = await jwtVerify(token, keyOf, options).catch(refuse)
    const claims = Claims.safeParse(payload)
    if (!claims.success) throw new TokenRefusedError('the token lacks a claim, or has a malformed one')
    const { sub, client_id: clientId, scope } = claims.data
    return { sub, clientId, scopes: new Set(scope.split(' ').filter(Boolean)) }
  }
}

function refuse(error: unknown): never {
  if (error instanceof IssuerUnavailableError) throw error
  const message = error instanceof errors.JWTExpired ? 'the token has expired' : 'the token is not one for this server'
  throw new TokenRefusedError(message, { cause: error })
}
