import type { IncomingMessage } from 'node:http'
import type { Caller } from '#guardrails/audit'
import { IssuerUnavailableError } from './issuer-keys.ts'
import { bearerToken, type ProtectedResource } from './protected-resource.ts'
import { TokenRefusedError, type VerifyToken } from './token-verifier.ts'

/** Who sent a request that is admitted. */
export interface Requester {
  readonly caller: Caller
  /** What the caller’s token allows. Undefined on a server without OAuth, which asks for no token. */
  readonly scopes: ReadonlySet<string> | undefined
}

/** Thrown to refuse a request. The message goes to the caller and into the audit log. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  /** @param message a fixed text, with nothing of the request in it */
  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}, cause?: unknown) {
    super(message, { cause })
    this.status = status
    this.code = code
    this.headers = headers
  }
}

export interface AdmissionOptions {
  /** `host` or `host:port`, in lower case. A host without a port matches every port. */
  readonly hosts: readonly string[]
  /** `scheme://host[:port]`. */
  readonly origins: readonly string[]
  /** Undefined: every caller who can reach this server may use it. */
  readonly oauth: { readonly verify: VerifyToken; readonly resource: ProtectedResource } | undefined
}

/** Headers that a proxy adds when it forwards a request. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

/** Decides whether to admit a request, by its address and headers alone: the body is not read before that. */
export function createAdmission({ hosts, origins, oauth }: AdmissionOptions) {
  return {
    /**
     * Checks the Host and Origin headers. A web page can send requests to this machine, and can point its own domain
     * name at it (DNS rebinding). The name that was used is in Host, and the page’s own origin is in Origin. Each header
     * is checked by itself: neither makes up for the other.
     *
     * @throws {Refusal} 403, or 400 if the caller has already disconnected
     */
    checkHostAndOrigin({ headersDistinct, socket }: IncomingMessage): void {
      // The caller has already disconnected, so the system no longer knows its address. A call without an address on
      // record is not served.
      if (socket.remoteAddress === undefined)
        throw new Refusal(400, 'CANCELLED', 'the caller disconnected before its address was known')
      const [host = '', ...moreHosts] = headersDistinct.host ?? []
      const named = host.toLowerCase()
      const known = hosts.includes(named) || hosts.includes(named.replace(/:\d{1,5}$/, ''))
      // A port above 65535 passes the pattern but makes no valid URL, and the SDK’s adapter builds one from Host.
      if (moreHosts.length > 0 || !known || !URL.canParse(`http://${named}`))
        throw new Refusal(403, 'FORBIDDEN', 'this server is not served under that Host')
      const [origin, ...moreOrigins] = headersDistinct.origin ?? []
      if (origin !== undefined && (moreOrigins.length > 0 || !origins.includes(origin)))
        throw new Refusal(403, 'FORBIDDEN', 'pages of that Origin may not call this server')
    },

    /**
     * Finds out who sent a request.
     *
     * @throws {Refusal} 401 for a missing or bad token, 503 if the issuer cannot be reached, 403 for a forwarded request
     * to a server without OAuth
     */
    async admit(request: IncomingMessage): Promise<Requester> {
      const host = addressOf(request)
      if (!oauth) {
        if (FORWARDED.some(name => request.headers[name] !== undefined))
          throw new Refusal(
            403,
            'FORBIDDEN',
            'without OAuth this server serves this machine only: requests that a proxy forwards are refused',
          )
        return { caller: { kind: 'os', id: 'unverified', host }, scopes: undefined }
      }
      const { verify, resource } = oauth
      // Modern clients send Mcp-Method and handle a step-up: they ask the user for more scopes when a call needs them.
      // Legacy clients would only refresh the token that they have, so they are asked for every scope at once.
      const canStepUp = request.headers['mcp-method'] !== undefined
      try {
        const token = bearerToken(request)
        if (token === undefined)
          throw new Refusal(401, 'FORBIDDEN', 'an access token is needed', {
            'WWW-Authenticate': resource.unauthorised(canStepUp),
          })
        const { sub, clientId, scopes } = await verify(token)
        return { caller: { kind: 'oauth', id: sub, host, clientId }, scopes }
      } catch (error) {
        if (error instanceof TokenRefusedError) {
          const headers = { 'WWW-Authenticate': resource.unauthorised(canStepUp, error.message) }
          throw new Refusal(401, 'FORBIDDEN', `the access token is refused: ${error.message}`, headers)
        }
        if (error instanceof IssuerUnavailableError) {
          const message = 'the identity provider cannot be reached, so no token can be checked: try again in a moment'
          throw new Refusal(503, 'BACKEND_UNAVAILABLE', message, { 'Retry-After': '5' }, error)
        }
        throw error
      }
    },
  }
}

export type Admission = ReturnType<typeof createAdmission>

/** The caller to put on record for a request whose sender is not known, or not yet. */
export function unknownCaller(request: IncomingMessage): Caller {
  return { kind: 'oauth', id: '', host: addressOf(request) }
}

/**
 * The peer’s address. Behind a proxy it is the proxy’s: any client can write any address into a forwarding header. Node
 * keeps the address once it was read, so it is still there after the caller has disconnected.
 */
function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'gone'
}
