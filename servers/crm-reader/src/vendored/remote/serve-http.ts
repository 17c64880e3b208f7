import type { Logger } from 'pino'
import type { ServerOptions } from '#call/registration'
import { createAdmission } from './admission.ts'
import { createReadiness, type Dependencies } from './health.ts'
import { type HttpServer, startHttpServer } from './http-server.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import { createMcpEndpoint } from './mcp-endpoint.ts'
import { describeResource } from './protected-resource.ts'
import { createRoutes } from './routes.ts'
import { createTokenVerifier } from './token-verifier.ts'

/** How long calls in flight may take to end once the process is told to stop. */
const GRACE_MS = 25_000
/** How long their replies may then take to be sent. */
const FLUSH_MS = 1_000

/** Whose tokens are accepted, and for which resource. */
export interface OAuth {
  /** The server’s public URL. */
  readonly url: string
  /** Spelled exactly as it stands in a token's `iss`. */
  readonly issuer: string
  /** The audiences that are accepted: a token must name one of them. */
  readonly audience: readonly string[]
}

/** The names under which the server may be called. */
export interface Addresses {
  /** `host` or `host:port`, in lower case. A host without a port matches every port. */
  readonly hosts: readonly string[]
  /** `scheme://host[:port]` of the web pages that may call. */
  readonly origins: readonly string[]
}

export interface HttpOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Undefined: no token is asked for. Only for a server that listens on loopback. */
  readonly oauth: OAuth | undefined
  /** Given the port that the server listens at. */
  readonly addressesAt: (port: number) => Addresses
  /** What the server cannot work without. The audit log and the issuer are added. */
  readonly dependencies: Dependencies
  /** What only some tools need. */
  readonly optionalDependencies?: Dependencies
  /** Called once no request is served any more. */
  readonly onStop?: () => void
}

/**
 * Serves remote clients until a signal comes. Then it accepts no more requests, lets the calls in flight end, and exits.
 *
 * @throws the system's error if it cannot listen
 */
export async function serveHttp<Ports>(
  options: ServerOptions<Ports>,
  { host, port, oauth, addressesAt, dependencies, optionalDependencies = {}, onStop }: HttpOptions,
  log: Logger,
): Promise<void> {
  const { name, audit, tools, onFault } = options
  const resource = oauth && describeResource({ ...oauth, name, tools })
  const issuer = oauth && createIssuerKeys(oauth.issuer)
  const stopping = new AbortController()
  const endpoint = createMcpEndpoint({ ...options, stopping: stopping.signal }, resource)
  const required = { ...dependencies, audit: () => audit.flush(), ...(issuer && { issuer: () => issuer.reach() }) }

  const server: HttpServer = await startHttpServer({
    host,
    port,
    onFault,
    handlerAt: actualPort =>
      createRoutes({
        admission: createAdmission({
          ...addressesAt(actualPort),
          oauth: oauth && issuer && resource && { verify: createTokenVerifier(oauth, issuer), resource },
        }),
        endpoint,
        resource,
        readiness: createReadiness(required, optionalDependencies, ({ message: reason }, dependency) =>
          log.warn({ reason, dependency }, 'not ready'),
        ),
        stopping: stopping.signal,
        onFault,
      }),
  })

  const stop = async (exitCode: number): Promise<void> => {
    if (stopping.signal.aborted) return
    stopping.abort()
    log.info('stopping: calls in flight may end')
    await endpoint.idle(GRACE_MS)
    await server.flushed(FLUSH_MS)
    await endpoint.close()
    await server.close()
    onStop?.()
    audit.close()
    process.exit(exitCode)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0))
  process.on('uncaughtException', error => {
    log.fatal({ err: error }, 'crash')
    void stop(1)
  })
  const where = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}/mcp`
  process.stdout.write(`${name} listens at ${where}\n`)
  if (!oauth) log.warn('OAUTH_ISSUER is not set: everybody on this machine can call, and nobody is known')
  log.info(
    { tools: tools.map(tool => tool.name), audit: audit.path, issuer: oauth?.issuer },
    `${name} serves at ${where}`,
  )
}
