// Copied on purpose: a fault here must stay here.
import { errors, jwtVerify } from 'jose'
import * as z from 'zod'
import { type Issuer, IssuerUnavailableError } from './issuer.ts'

/** Who a token speaks for, and what it allows. The token itself goes no further. */
export interface Principal {
  /** The person. */
  readonly sub: string
  /** The program that acts for them. */
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
}

/** The token is not one that this server accepts; the message is a fixed text. */
export class TokenRefusedError extends Error {
  override name = 'TokenRefusedError'
}

/** Checks an access token. @throws {TokenRefusedError} @throws {IssuerUnavailableError} */
export type VerifyToken = (token: string) => Promise<Principal>

export interface TokenRules {
  /** Letter by letter as it stands in `iss`. */
  readonly issuer: string
  /** What `aud` has to name: any one of these, whole. */
  readonly audience: readonly string[]
}

/** Only what nobody but the issuer can sign: no `none`, and no shared secret to confuse a public key with. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')

const MAX_TOKEN_CHARACTERS = 8192

/** Checked before anything is decoded: decoders are kinder than the standard. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/

const Name = z.string().regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u)

const Claims = z.object({
  sub: Name,
  client_id: Name,
  jti: z.string().min(1),
  // JSON can say 1e400, which is later than any end.
  exp: z.number().max(Number.MAX_SAFE_INTEGER),
  // RFC 6749, 3.3: words, single spaces between them. A list of words is something else.
  scope: z.string().regex(/^(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?$/),
  // A token bound to a key is worth nothing without a proof of that key, and none is asked for here.
  cnf: z.undefined().optional(),
})

/** Checks access tokens as RFC 9068 says, and nothing in a token changes how. */
export function createTokenVerifier(rules: TokenRules, { keyOf }: Issuer): VerifyToken {
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
