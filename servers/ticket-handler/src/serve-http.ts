// Copied on purpose: a fault here must stay here.
import type { Logger } from 'pino'
import { createTokenVerifier } from './auth.ts'
import { isLoopback, type Remote } from './config.ts'
import { createGate, type GateOptions } from './gate.ts'
import { createReadiness, type Dependencies } from './health.ts'
import { createMcpEndpoint } from './http.ts'
import { createIssuer } from './issuer.ts'
import { type Listening, listen } from './listen.ts'
import { describeResource } from './protected-resource.ts'
import { createRoutes } from './routes.ts'
import type { ServerOptions } from './server.ts'

/** How long calls in flight may take to end once the process is told to: twenty-five seconds. */
const GRACE_MS = 25_000
/** How long their replies may then take to go out: one second. */
const FLUSH_MS = 1_000

export interface HttpOptions {
  readonly host: string
  readonly port: number
  readonly remote: Remote
  /** What it cannot work without, besides the audit log and the issuer. */
  readonly dependencies: Dependencies
  /** What only some of its work needs. */
  readonly wanted?: Dependencies
  /** Called once nothing is served any more. */
  readonly onStop?: () => void
}

/**
 * Serves remote clients until a signal ends us: then takes no more calls, lets those in flight end, and exits.
 *
 * @throws the system's error if it cannot listen
 */
export async function serveHttp<Ports>(
  options: ServerOptions<Ports>,
  { host, port, remote, dependencies, wanted = {}, onStop }: HttpOptions,
  log: Logger,
): Promise<void> {
  const { name, audit, tools, onFault } = options
  const { oauth } = remote
  const resource = oauth && describeResource({ ...oauth, name, tools })
  const issuer = oauth && createIssuer(oauth.issuer)
  const stopping = new AbortController()
  const served = { ...options, stopping: stopping.signal }
  const endpoint = createMcpEndpoint(served, resource)
  const all = { ...dependencies, audit: () => audit.flush(), ...(issuer && { issuer: () => issuer.reach() }) }

  const listening: Listening = await listen({
    host,
    port,
    onFault,
    handlerAt: had =>
      createRoutes({
        gate: createGate({
          ...addresses(remote, host, had),
          oauth: oauth && issuer && resource && { verify: createTokenVerifier(oauth, issuer), resource },
        }),
        endpoint,
        resource,
        readiness: createReadiness(all, wanted, ({ message: reason }, dependency) =>
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
    await listening.flushed(FLUSH_MS)
    await endpoint.close()
    await listening.close()
    onStop?.()
    audit.close()
    process.exit(exitCode)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0))
  process.on('uncaughtException', error => {
    log.fatal({ err: error }, 'crash')
    void stop(1)
  })
  const where = `http://${inUrl(host)}:${listening.port}/mcp`
  process.stdout.write(`${name} listens at ${where}\n`)
  if (!oauth) log.warn('OAUTH_ISSUER is not set: everybody on this machine can call, and nobody is known')
  log.info(
    { tools: tools.map(tool => tool.name), audit: audit.path, issuer: oauth?.issuer },
    `${name} serves at ${where}`,
  )
}

/** Which names it goes by, and which pages may call it, unless it is told. */
function addresses(
  { oauth, allowedHosts, allowedOrigins }: Remote,
  host: string,
  port: number,
): Omit<GateOptions, 'oauth'> {
  const local = isLoopback(host) ? [...new Set(['localhost', '127.0.0.1', '[::1]', inUrl(host)])] : []
  const own = oauth ? new URL(oauth.url) : undefined
  return {
    hosts: allowedHosts ?? [...(own ? [own.host] : []), ...local],
    origins: allowedOrigins ?? [...(own ? [own.origin] : []), ...local.map(name => `http://${name}:${port}`)],
  }
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
