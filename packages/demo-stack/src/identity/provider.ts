import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import { allowRegistration } from './browser-clients.ts'
import { ClientMetadataDocuments } from './client-metadata-document.ts'
import { Clients } from './clients.ts'
import { configuration } from './configuration.ts'
import { interactions } from './interactions.ts'
import { loadKeys } from './keys.ts'
import { Memory } from './memory.ts'
import type { Person } from './people.ts'
import { checkPeople, DEMO_PEOPLE } from './people.ts'
import type { Catalogue, ProtectedResource } from './resources.ts'
import { allScopes } from './resources.ts'

const LOOPBACK = '127.0.0.1'

export interface IdentityOptions {
  /** TCP port on loopback; 0, the default, takes any free one. */
  port?: number
  /** What tokens can be had for; a function where the URLs are known only later. */
  resources: readonly ProtectedResource[] | (() => readonly ProtectedResource[])
  /** A folder in which keys and registered clients survive a restart; unset, nothing is kept. */
  state?: string
  /** How long an access token is good for; default 600. */
  accessTokenSeconds?: number
  /** Who can sign in; default `DEMO_PEOPLE`. */
  people?: readonly Person[]
}

/** A running identity provider. */
export interface IdentityProvider {
  /** `http://127.0.0.1:PORT` */
  readonly issuer: string
  readonly people: readonly Person[]
  /** Drops open connections and forgets all sessions. Safe to call again. */
  close(): Promise<void>
}

/**
 * Starts an OAuth 2.1 authorization server on loopback, for development and demonstration.
 *
 * @throws the system's error when the port is taken or the state folder cannot be used; RangeError when two people
 *   cannot be told apart. Nothing is left running.
 */
export async function startIdentityProvider(options: IdentityOptions): Promise<IdentityProvider> {
  const { resources, people = DEMO_PEOPLE, accessTokenSeconds = 600, state } = options
  const catalogue: Catalogue = typeof resources === 'function' ? resources : () => resources
  checkPeople(people)
  const keys = await loadKeys(state)
  const clients = new Clients(state, new ClientMetadataDocuments())
  const adapter = (kind: string) => (kind === 'Client' ? clients : new Memory())

  const server = createServer({ requestTimeout: 30_000 })
  await listen(server, options.port ?? 0)
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= stop(server)
    return closing
  }
  try {
    const issuer = `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`
    const provider = new Provider(issuer, configuration({ catalogue, people, keys, adapter, accessTokenSeconds }))
    provider.use(guard(issuer))
    provider.use(allowRegistration(provider.pathFor('registration')))
    provider.use(interactions(provider, people, catalogue))
    provider.use(announceScopes(catalogue))
    provider.on('server_error', (_ctx, error) => report(error))
    provider.onerror = report
    server.on('request', provider.callback())
    return { issuer, people, close }
  } catch (error) {
    await close()
    throw error
  }
}

type Middleware = Parameters<Provider['use']>[0]

/** Answers to its own name only, so that no web page reaches it under a name of its own (DNS rebinding). */
function guard(issuer: string): Middleware {
  const { host } = new URL(issuer)
  return async (ctx, next) => {
    ctx.set('X-Content-Type-Options', 'nosniff')
    ctx.set('X-Frame-Options', 'DENY')
    ctx.set('Referrer-Policy', 'same-origin')
    if (ctx.host === host) return next()
    ctx.status = 421
    ctx.body = `This is ${issuer}.\n`
  }
}

/** The library knows resources by their indicators only, and would not list their scopes. */
function announceScopes(catalogue: Catalogue): Middleware {
  return async (ctx, next) => {
    await next()
    if (ctx.oidc?.route !== 'discovery') return
    const metadata = ctx.body as { scopes_supported: string[] }
    metadata.scopes_supported = [...metadata.scopes_supported, ...allScopes(catalogue)]
  }
}

/** Where it went wrong, and not the message: that may quote a token. */
function report(error: Error & { expose?: boolean; code?: string }): void {
  if (error.expose || ['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) return
  const frames = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  console.error([`identity provider: unexpected ${error.name}`, ...frames].join('\n'))
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function stop(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
