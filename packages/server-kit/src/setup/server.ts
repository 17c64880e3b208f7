import type { Logger } from 'pino'
import type { CallContext, ReadTool, Tool } from '#call'
import type { Confirmations } from '#call/registration'
import type { Identity } from './check.ts'
import type { Credential } from './credentials.ts'
import type { Given, Settings } from './settings.ts'
import type { SecretVariable } from './variable.ts'

/** What every server is configured with. */
export interface BackendConfig {
  readonly apiUrl: URL
}

/** The parts of a server, named in its `main.ts`. One without `writes` has only tools that read. */
export type Server<Config extends BackendConfig, Ports> = Description<Config> &
  (
    | {
        readonly writes?: never
        connect(config: Config, credential: Credential): Connected<Ports, ReadTool<Ports>>
      }
    | {
        readonly writes: WriteSupport<Config>
        connect(config: Config, credential: Credential): Connected<Ports>
      }
  )

interface Description<Config extends BackendConfig> {
  readonly name: string
  readonly version: string
  /** Completes the sentence “an MCP server that …”. */
  readonly purpose: string
  readonly settings: Settings<Config>
  readonly credential: SecretVariable
  /** What the credential must be allowed, and no more. */
  readonly scopes: readonly string[]
}

/** A server that is connected to its backend. */
export interface Connected<Ports, T extends Tool<Ports> = Tool<Ports>> {
  readonly ports: Ports
  readonly tools: readonly T[]
  /** Asks the backend who this server is: for `check` and for the readiness probe. */
  whoami(call: CallContext): Promise<Identity>
}

/** How humans confirm writes: made by `#setup/writes`. */
export interface WriteSupport<Config> {
  /** Variables of its own, for servers that serve remote clients. */
  readonly remoteVariables: readonly SecretVariable[]
  /** For one local client. Undefined: nobody is asked. */
  local(config: Config): Confirmations | undefined
  /**
   * Reads the variables for remote clients.
   *
   * @returns what connects to the store that replicas share
   * @throws {ConfigError}
   */
  remote(server: string, given: Given): (config: Config, log: Logger) => Promise<RemoteConfirmations>
}

export interface RemoteConfirmations {
  readonly confirmations: Confirmations | undefined
  /** Undefined without a shared store. */
  readonly reach: (() => Promise<void>) | undefined
  close(): void
}
