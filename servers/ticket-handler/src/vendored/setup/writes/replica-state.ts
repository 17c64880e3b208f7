import { createHmac } from 'node:crypto'
import { parseKeyBytes } from '#guardrails/audit'
import { readSecret } from '../credentials.ts'
import { isLoopback } from '../loopback.ts'
import { ConfigError, type Given } from '../settings.ts'
import { secret } from '../variable.ts'

export const STATE_KEY = secret(
  'MCP_STATE_KEY',
  'seals the questions to people: 32 bytes or more, the same in all replicas',
  'required with MCP_STORE_URL',
)
export const STORE_URL = secret(
  'MCP_STORE_URL',
  'the store that all replicas share, rediss://…',
  'default: the memory of this process',
)

/** What replicas of one server share, so that a question asked by one can be answered at another. */
export interface ReplicaState {
  /** Seals the questions. Derived for this server alone, in case several servers are given one key. */
  readonly stateKey: Buffer | undefined
  /** A `redis:` URL, which may hold a password. Never without the key. */
  readonly storeUrl: string | undefined
}

/** Reads `MCP_STATE_KEY` and `MCP_STORE_URL`. @throws {ConfigError} */
export function readReplicaState(server: string, given: Given): ReplicaState {
  const key = readSecret(STATE_KEY, given)
  const storeUrl = readSecret(STORE_URL, given)
  const problems = [...problemsOfStore(storeUrl)]
  let bytes: Buffer | undefined
  try {
    bytes = key === undefined ? undefined : parseKeyBytes(key)
  } catch (error) {
    problems.push(`MCP_STATE_KEY: ${(error as Error).message}`)
  }
  if (storeUrl !== undefined && key === undefined) problems.push('MCP_STATE_KEY is required with MCP_STORE_URL')
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  const stateKey = bytes && createHmac('sha256', bytes).update(`${server} confirmations v1`).digest()
  return { stateKey, storeUrl }
}

function problemsOfStore(url: string | undefined): string[] {
  if (url === undefined) return []
  const { protocol = '', hostname = '' } = URL.canParse(url) ? new URL(url) : {}
  if (protocol === 'rediss:') return []
  if (protocol !== 'redis:') return ['MCP_STORE_URL must be a redis: or rediss: URL']
  return isLoopback(hostname)
    ? []
    : ['MCP_STORE_URL must be rediss: — who can answer in the store’s place can make answers count twice']
}
