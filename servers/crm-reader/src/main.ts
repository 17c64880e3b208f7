import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type AuditLog, openAuditLog } from '@narrow-deputies/guardrails/audit'
import { type Logger, pino } from 'pino'
import manifest from '../package.json' with { type: 'json' }
import type { CrmBackend } from './backend.ts'
import { REST_ENDPOINTS, REST_SCOPES, restCustomers } from './backends/rest.ts'
import { check } from './check.ts'
import { type Config, ConfigError, FIELDS, readConfig, stateFolder } from './config.ts'
import { CredentialError, readAuditKey, readCredential } from './credentials.ts'
import { serve } from './serve.ts'
import { tools } from './tools/index.ts'

const NAME = 'crm-reader'

const HELP = `${NAME} ${manifest.version}: an MCP server that looks customers up in the CRM, and changes nothing.

  ${NAME}              serve one MCP client over standard input and output
  ${NAME} check        say whether the configuration, the audit log and the backend work
  ${NAME} --version
  ${NAME} --help

Configuration, by environment (a secret X also as X_FILE, naming a file that holds it):
  CRM_API_URL           where the CRM's API begins, https or loopback      required
  CRM_API_KEY           its key: ${REST_SCOPES.join(' ')}   required
  CRM_BACKEND           rest                                                default rest
  CRM_FIELDS               what may be passed on, of ${FIELDS.join(',')}
                                                                               default id,name,company,email,plan,since
  CRM_API_TIMEOUT_MS    for one call                                        default 10000
  AUDIT_FILE               where every call is recorded                        default below the state folder
  AUDIT_HEAD_FILE          where the audit chain's head is kept; better on another disk
                                                                               default AUDIT_FILE.head
  AUDIT_KEY                32 bytes or more, hex or base64                     default made on the first start
  LOG_LEVEL                fatal error warn info debug trace silent            default info
`

interface Parts {
  readonly config: Config
  readonly backend: CrmBackend
  readonly audit: AuditLog
  readonly auditKeyFile: string | undefined
  /** For the operator, on standard error: standard output belongs to the protocol. */
  readonly log: Logger
}

/** Reads everything before it starts anything: one message lists all that is wrong. */
function compose(): Parts {
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
  const credential = attempt(() => readCredential('CRM_API_KEY'))
  const auditKey = attempt(() => readAuditKey(join(stateFolder(), 'audit.key')))
  if (!config || !credential || !auditKey) throw new ConfigError(problems.join('\n'))

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
  const backend = restCustomers(credential.connect(config.apiUrl, REST_ENDPOINTS), config)
  return { config, backend, audit, auditKeyFile: auditKey.keptIn, log }
}

async function main([command, ...rest]: string[]): Promise<number | undefined> {
  if (command === '--help' || command === '-h') {
    process.stdout.write(HELP)
    return 0
  }
  if (command === '--version' || command === '-v') {
    process.stdout.write(`${manifest.version}\n`)
    return 0
  }
  if (rest.length > 0 || (command !== undefined && command !== 'check')) {
    process.stderr.write(`${NAME}: unknown command: ${[command, ...rest].join(' ')}\n\n${HELP}`)
    return 2
  }
  let parts: Parts
  try {
    parts = compose()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.message.split('\n').map(problem => `  - ${problem}\n`)
    process.stderr.write(`${NAME} cannot start:\n${problems.join('')}`)
    return 2
  }
  const { config, backend, audit, auditKeyFile, log } = parts
  if (command === 'check') {
    const { apiUrl } = config
    const { whoami } = backend
    const works = await check({ audit, auditKeyFile, apiUrl, neededScopes: REST_SCOPES, whoami })
    audit.close()
    return works ? 0 : 1
  }
  serve({ name: NAME, version: manifest.version, tools, ports: backend, audit }, log)
  return undefined
}

const exitCode = await main(process.argv.slice(2))
if (exitCode !== undefined) process.exitCode = exitCode
