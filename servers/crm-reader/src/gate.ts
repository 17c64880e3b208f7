// Copied on purpose: a fault here must stay here.
import type { IncomingMessage } from 'node:http'
import type { Caller } from '@narrow-deputies/guardrails/audit'
import { TokenRefusedError, type VerifyToken } from './auth.ts'
import { IssuerUnavailableError } from './issuer.ts'
import { bearerToken, type ProtectedResource } from './protected-resource.ts'

/** Somebody who may come in. */
export interface Visitor {
  readonly caller: Caller
  /** What their token allows; undefined where no tokens are asked for. */
  readonly scopes: ReadonlySet<string> | undefined
}

/** A request that goes no further. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  /** @param message a fixed text, for the caller and for the record */
  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}, cause?: unknown) {
    super(message, { cause })
    this.status = status
    this.code = code
    this.headers = headers
  }
}

export interface GateOptions {
  /** `host` or `host:port`, in lower case; one without a port stands for every port. */
  readonly hosts: readonly string[]
  /** `scheme://host[:port]`. */
  readonly origins: readonly string[]
  /** Undefined: whoever reaches this server may use it. */
  readonly oauth: { readonly verify: VerifyToken; readonly resource: ProtectedResource } | undefined
}

/** How proxies say that a request is somebody else's. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

/** Decides who comes in, by what stands around a message and before any of it is read. */
export function createGate({ hosts, origins, oauth }: GateOptions) {
  return {
    /**
     * A page in a browser can send requests to where its own name leads, and to this machine: the name that it used
     * shows in Host, its own in Origin. Each must be right by itself.
     *
     * @throws {Refusal}
     */
    checkAddress({ headersDistinct, socket }: IncomingMessage): void {
      // Gone before they were heard. Nothing is done for somebody of whom not even this much would be on record.
      if (socket.remoteAddress === undefined)
        throw new Refusal(400, 'CANCELLED', 'the caller hung up before anybody could tell where from')
      const [host = '', ...moreHosts] = headersDistinct.host ?? []
      const named = host.toLowerCase()
      const known = hosts.includes(named) || hosts.includes(named.replace(/:\d{1,5}$/, ''))
      // With a port that cannot be, it makes no address, and what comes later needs one.
      if (moreHosts.length > 0 || !known || !URL.canParse(`http://${named}`))
        throw new Refusal(403, 'FORBIDDEN', 'this server does not go by that Host')
      const [origin, ...moreOrigins] = headersDistinct.origin ?? []
      if (origin !== undefined && (moreOrigins.length > 0 || !origins.includes(origin)))
        throw new Refusal(403, 'FORBIDDEN', 'pages of that Origin may not call this server')
    },

    /** @throws {Refusal} */
    async admit(request: IncomingMessage): Promise<Visitor> {
      const host = addressOf(request)
      if (!oauth) {
        if (FORWARDED.some(name => request.headers[name] !== undefined))
          throw new Refusal(
            403,
            'FORBIDDEN',
            'without OAuth this server is for this machine alone: no proxy may pass others on',
          )
        return { caller: { kind: 'os', id: 'unverified', host }, scopes: undefined }
      }
      const { verify, resource } = oauth
      // Clients of the earlier era renew a token that they can renew, when they should ask their user for a wider one.
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
          const message = 'the identity provider cannot be reached, so that nobody can be let in: try again in a moment'
          throw new Refusal(503, 'BACKEND_UNAVAILABLE', message, { 'Retry-After': '5' }, error)
        }
        throw error
      }
    },
  }
}

export type Gate = ReturnType<typeof createGate>

/** Of a caller who is not known, or not yet. */
export function strangerOf(request: IncomingMessage): Caller {
  return { kind: 'oauth', id: '', host: addressOf(request) }
}

/** Behind a proxy, the proxy's: what a header says of the address before it, anybody can say. Kept once it is told. */
function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'gone'
}
