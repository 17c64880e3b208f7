import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type AuditLog, openAuditLog } from '@narrow-deputies/guardrails/audit'
import { type Logger, pino } from 'pino'
import type { Ports } from './backend.ts'
import { REST_ENDPOINTS, REST_SCOPES, restBlog } from './backends/rest.ts'
import { sshDeployer } from './backends/ssh.ts'
import { check, probe } from './check.ts'
import { type Address, type Command, HELP, NAME, parseCommand, UsageError, VERSION } from './command-line.ts'
import { assertRemote, type Config, ConfigError, readConfig, stateFolder } from './config.ts'
import { CredentialError, readAuditKey, readCredential, readShared, type Shared } from './credentials.ts'
import { serve } from './serve.ts'
import type { ServerOptions } from './server.ts'
import { createSingleUse } from './single-use.ts'
import { toolsFor } from './tools/index.ts'

interface Parts {
  readonly config: Config
  readonly ports: Ports
  readonly audit: AuditLog
  readonly auditKeyFile: string | undefined
  readonly shared: Shared
  /** For the operator, on standard error: standard output belongs to the protocol. */
  readonly log: Logger
}

/** Reads everything before it starts anything: one message lists all that is wrong. */
function compose(address: Address | undefined): Parts {
  const problems: string[] = []
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof CredentialError)) throw error
      problems.push(error.message)
      return undefined
    }
  }
  const config = attempt(() => readConfig())
  const credential = attempt(() => readCredential('BLOG_API_KEY'))
  // A laptop needs no set-up; what is served to others is set up by somebody.
  const auditKey = attempt(() => readAuditKey(address ? undefined : join(stateFolder(), 'audit.key')))
  const shared = address ? attempt(() => readShared(NAME)) : { stateKey: undefined, storeUrl: undefined }
  if (address) attempt(() => assertRemote(address.host))
  if (!config || !credential || !auditKey || !shared || problems.length > 0) throw new ConfigError(problems.join('\n'))

  const log = pino({ name: NAME, level: config.logLevel }, pino.destination({ dest: 2, sync: true }))
  const { auditFile: file = join(stateFolder(), 'audit.jsonl'), auditHeadFile: headFile } = config
  const onFault = (fault: Error): void => log.error({ err: fault }, 'audit')
  let audit: AuditLog
  try {
    if (!config.auditFile) mkdirSync(stateFolder(), { recursive: true, mode: 0o700 })
    audit = openAuditLog({ file, ...(headFile && { headFile }), key: auditKey.key, server: NAME, onFault })
  } catch (error) {
    throw new ConfigError(`AUDIT_FILE cannot be opened: ${(error as Error).message}`)
  }
  const { drafts, deploy } = config
  const ports = {
    drafts,
    blog: restBlog(credential.connect(config.apiUrl, REST_ENDPOINTS), config.apiTimeoutMs),
    ...(deploy && { deployer: sshDeployer(deploy, deploy.timeoutMs) }),
  }
  return { config, ports, audit, auditKeyFile: auditKey.keptIn, shared, log }
}

/** What is served, whichever way. */
function served({ config, ports, audit, log }: Parts): ServerOptions<Ports> {
  return {
    name: NAME,
    version: VERSION,
    tools: toolsFor(ports),
    ports,
    audit,
    mustAsk: config.confirm === 'required',
    singleUse: createSingleUse(),
    stateKey: undefined,
    onFault: fault => log.error({ err: fault }, 'fault'),
    // The SDK's messages quote what a client sent, which nobody has looked at.
    onProtocolFault: fault => log.debug({ err: fault }, 'protocol'),
  }
}

async function serveRemote(parts: Parts, { host, port }: Address): Promise<number | undefined> {
  const { config, ports, audit, log } = parts
  // Loaded where it is needed: a local client waits for its server to start.
  const [{ serveHttp }, { connectSingleUse }] = await Promise.all([
    import('./serve-http.ts'),
    import('./shared-single-use.ts'),
  ])
  const { stateKey, storeUrl } = parts.shared
  const store = storeUrl
    ? connectSingleUse(storeUrl, NAME, fault => log.error({ reason: fault.message }, 'store'))
    : undefined
  if (stateKey && !store)
    log.warn('MCP_STATE_KEY without MCP_STORE_URL: an answer counts in the process that asked, and nowhere else')
  try {
    await serveHttp(
      { ...served(parts), ...(store && { singleUse: store, stateKey }) },
      {
        host,
        port,
        remote: config.remote,
        dependencies: { backend: () => ports.blog.whoami(probe('ready')) },
        wanted: store ? { store: () => store.reach() } : {},
        onStop: () => store?.close(),
      },
      log,
    )
    return undefined
  } catch (error) {
    process.stderr.write(`${NAME} cannot listen at ${host}, port ${port}: ${(error as Error).message}\n`)
    store?.close()
    audit.close()
    return 1
  }
}

async function run(command: Command): Promise<number | undefined> {
  if (command.does === 'help' || command.does === 'version') {
    process.stdout.write(command.does === 'help' ? HELP : `${VERSION}\n`)
    return 0
  }
  const parts = compose(command.does === 'http' ? command : undefined)
  if (command.does === 'http') return await serveRemote(parts, command)
  if (command.does === 'stdio') {
    serve(served(parts), parts.log)
    return undefined
  }
  const { config, ports, audit, auditKeyFile } = parts
  const { whoami } = ports.blog
  const works = await check({ audit, auditKeyFile, apiUrl: config.apiUrl, neededScopes: REST_SCOPES, whoami })
  audit.close()
  return works ? 0 : 1
}

async function main(args: string[]): Promise<number | undefined> {
  try {
    return await run(parseCommand(args))
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${NAME}: ${error.message}\n\n${HELP}`)
      return 2
    }
    if (!(error instanceof ConfigError)) throw error
    const problems = error.message.split('\n').map(problem => `  - ${problem}\n`)
    process.stderr.write(`${NAME} cannot start:\n${problems.join('')}`)
    return 2
  }
}

const exitCode = await main(process.argv.slice(2))
if (exitCode !== undefined) process.exitCode = exitCode
