import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Logger, pino } from 'pino'
import type { ServerOptions } from '#call/registration'
import { type AuditKey, type AuditLog, openAuditLog } from '#guardrails/audit'
import { serveStdio } from '#stdio'
import { check, probe } from './check.ts'
import { type Address, type Command, parseCommand, UsageError } from './command-line.ts'
import { commonSettings, REMOTE_SETTINGS } from './common-variables.ts'
import { readAuditKey, readCredential } from './credentials.ts'
import { helpOf } from './help.ts'
import { ignoreInspectorSignal } from './node-hardening.ts'
import { addressesOf, assertRemote, oauthOf } from './remote-settings.ts'
import type { BackendConfig, Connected, RemoteConfirmations, Server } from './server.ts'
import { ConfigError, type ConfigOf, type Given, givenBy, readSettings } from './settings.ts'
import { stateFolder } from './state-folder.ts'

/** A server that is ready to serve. */
interface Composed<Config extends BackendConfig, Ports> extends Connected<Ports> {
  readonly config: Config
  readonly remote: ConfigOf<typeof REMOTE_SETTINGS>
  readonly connectStore: ((config: Config, log: Logger) => Promise<RemoteConfirmations>) | undefined
  readonly audit: AuditLog
  readonly auditKeyFile: string | undefined
  /** For the operator, on standard error: standard output belongs to the protocol. */
  readonly log: Logger
}

/**
 * Runs a server as its command line says, and sets the exit code: 0 after `--help`, `--version` and a successful
 * `check`, 1 if `check` fails or nobody can listen, 2 if the command line or the configuration is wrong.
 */
export async function start<Config extends BackendConfig, Ports>(
  server: Server<Config, Ports>,
  args: readonly string[] = process.argv.slice(2),
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  ignoreInspectorSignal()
  const exitCode = await run(server, args, givenBy(environment))
  if (exitCode !== undefined) process.exitCode = exitCode
}

async function run<Config extends BackendConfig, Ports>(
  server: Server<Config, Ports>,
  args: readonly string[],
  given: Given,
): Promise<number | undefined> {
  try {
    return await perform(server, parseCommand(args), given)
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${server.name}: ${error.message}\n\n${helpOf(server)}`)
      return 2
    }
    if (!(error instanceof ConfigError)) throw error
    const problems = error.message.split('\n').map(problem => `  - ${problem}\n`)
    process.stderr.write(`${server.name} cannot start:\n${problems.join('')}`)
    return 2
  }
}

async function perform<Config extends BackendConfig, Ports>(
  server: Server<Config, Ports>,
  command: Command,
  given: Given,
): Promise<number | undefined> {
  if (command.does === 'help' || command.does === 'version') {
    process.stdout.write(command.does === 'help' ? helpOf(server) : `${server.version}\n`)
    return 0
  }
  const composed = compose(server, command.does === 'http' ? command : undefined, given)
  if (command.does === 'http') return await serveRemote(server, composed, command)
  const { config, audit, auditKeyFile, whoami, log } = composed
  if (command.does === 'stdio') {
    serveStdio({ ...optionsOf(server, composed), confirmations: server.writes?.local(config) }, log)
    return undefined
  }
  const works = await check({ audit, auditKeyFile, apiUrl: config.apiUrl, neededScopes: server.scopes, whoami })
  audit.close()
  return works ? 0 : 1
}

/** Reads everything before it starts anything, so that one message lists every problem. @throws {ConfigError} */
function compose<Config extends BackendConfig, Ports>(
  server: Server<Config, Ports>,
  address: Address | undefined,
  given: Given,
): Composed<Config, Ports> {
  const problems: string[] = []
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      problems.push(error.message)
      return undefined
    }
  }
  const { name } = server
  const config = attempt(() => readSettings(server.settings, given))
  const common = attempt(() => readSettings(commonSettings(name), given))
  const remote = attempt(() => readSettings(REMOTE_SETTINGS, given))
  const credential = attempt(() => readCredential(server.credential, given))
  // A local client needs no set-up. Whoever serves others sets the audit key.
  const auditKey = attempt(() =>
    readAuditKey(address ? undefined : () => join(stateFolder(name, given), 'audit.key'), given),
  )
  if (address) attempt(() => assertRemote(address.host, given))
  const connectStore = attempt(() => (address ? server.writes?.remote(name, given) : undefined))
  if (!config || !common || !remote || !credential || !auditKey || problems.length > 0)
    throw new ConfigError([...new Set(problems)].join('\n'))

  const log = pino({ name, level: common.logLevel }, pino.destination({ dest: 2, sync: true }))
  const audit = openAudit(name, common, auditKey.key, given, log)
  return {
    ...server.connect(config, credential),
    config,
    remote,
    connectStore,
    audit,
    auditKeyFile: auditKey.keptIn,
    log,
  }
}

function openAudit(
  name: string,
  { auditFile, auditHeadFile: headFile }: ConfigOf<ReturnType<typeof commonSettings>>,
  key: AuditKey,
  given: Given,
  log: Logger,
): AuditLog {
  const onFault = (fault: Error): void => log.error({ err: fault }, 'audit')
  try {
    const file = auditFile ?? join(stateFolder(name, given), 'audit.jsonl')
    if (!auditFile) mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    return openAuditLog({ file, ...(headFile && { headFile }), key, server: name, onFault })
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(`AUDIT_FILE cannot be opened: ${(error as Error).message}`)
  }
}

/** What is served, over stdio and HTTP alike. */
function optionsOf<Config extends BackendConfig, Ports>(
  { name, version }: Server<Config, Ports>,
  { tools, ports, audit, log }: Composed<Config, Ports>,
): Omit<ServerOptions<Ports>, 'confirmations'> {
  return {
    name,
    version,
    tools,
    ports,
    audit,
    onFault: fault => log.error({ err: fault }, 'fault'),
    // The SDK's messages quote what a client sent, which nobody has checked.
    onProtocolFault: fault => log.debug({ err: fault }, 'protocol'),
  }
}

async function serveRemote<Config extends BackendConfig, Ports>(
  server: Server<Config, Ports>,
  composed: Composed<Config, Ports>,
  { host, port }: Address,
): Promise<number | undefined> {
  const { config, remote, connectStore, audit, whoami, log } = composed
  // Loaded only here: a local client waits for its server to start.
  const { serveHttp } = await import('#remote')
  const store = await connectStore?.(config, log)
  try {
    await serveHttp(
      { ...optionsOf(server, composed), confirmations: store?.confirmations },
      {
        host,
        port,
        oauth: oauthOf(remote),
        addressesAt: actualPort => addressesOf(remote, host, actualPort),
        dependencies: { backend: () => whoami(probe('ready')) },
        optionalDependencies: store?.reach ? { store: store.reach } : {},
        onStop: () => store?.close(),
      },
      log,
    )
    return undefined
  } catch (error) {
    process.stderr.write(`${server.name} cannot listen at ${host}, port ${port}: ${(error as Error).message}\n`)
    store?.close()
    audit.close()
    return 1
  }
}
