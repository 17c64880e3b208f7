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
import { MemoryAdapter } from './memory.ts'
import type { Person } from './people.ts'
import { checkPeople, DEMO_PEOPLE } from './people.ts'
import type { Catalogue, ProtectedResource } from './resources.ts'
import { allScopes } from './resources.ts'

const LOOPBACK = '127.0.0.1'

export interface IdentityOptions {
  /** TCP port on 127.0.0.1; 0, the default, selects a free port. */
  port?: number
  /** The resources that tokens can be requested for; a function if their URLs are not known yet. */
  resources: readonly ProtectedResource[] | (() => readonly ProtectedResource[])
  /** A folder that stores keys and registered clients; by default they are lost on a restart. */
  state?: string
  /** The lifetime of an access token; 600 by default. */
  accessTokenSeconds?: number
  /** Who can sign in; `DEMO_PEOPLE` by default. */
  people?: readonly Person[]
}

/** A running identity provider. */
export interface IdentityProvider {
  /** `http://127.0.0.1:PORT` */
  readonly issuer: string
  readonly people: readonly Person[]
  /** Closes open connections and ends all sessions. Can be called more than once. */
  close(): Promise<void>
}

/**
 * Starts an OAuth 2.1 authorization server on 127.0.0.1, for development only. If it throws, nothing is left running.
 *
 * @throws the system's error if the port is in use or the state folder cannot be used; RangeError if two people have
 *   the same id or username
 */
export async function startIdentityProvider(options: IdentityOptions): Promise<IdentityProvider> {
  const { resources, people = DEMO_PEOPLE, accessTokenSeconds = 600, state } = options
  const catalogue: Catalogue = typeof resources === 'function' ? resources : () => resources
  checkPeople(people)
  const keys = await loadKeys(state)
  const clients = new Clients(state, new ClientMetadataDocuments())
  const adapter = (kind: string) => (kind === 'Client' ? clients : new MemoryAdapter())

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
    provider.use(checkHost(issuer))
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

/** Refuses requests with another host name, so that web pages cannot reach the provider by DNS rebinding. */
function checkHost(issuer: string): Middleware {
  const { host } = new URL(issuer)
  return async (ctx, next) => {
    ctx.set('X-Content-Type-Options', 'nosniff')
    ctx.set('X-Frame-Options', 'DENY')
    ctx.set('Referrer-Policy', 'same-origin')
    if (ctx.host === host) return next()
    ctx.status = 421
    ctx.body = `This server answers only at ${issuer}.\n`
  }
}

/** Adds the scopes of all resources to the provider's metadata. The library does not know them in advance. */
function announceScopes(catalogue: Catalogue): Middleware {
  return async (ctx, next) => {
    await next()
    if (ctx.oidc?.route !== 'discovery') return
    const metadata = ctx.body as { scopes_supported: string[] }
    metadata.scopes_supported = [...metadata.scopes_supported, ...allScopes(catalogue)]
  }
}

/** Logs the stack frames of an error, without its message, which may contain a token. */
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
