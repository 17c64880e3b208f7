// Copied on purpose: a fault here must stay here.
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type AuditKey, parseAuditKey, parseKeyBytes } from '@narrow-deputies/guardrails/audit'
import { isLoopback } from './config.ts'
import { keptKey } from './kept-key.ts'

/** One request to the backend, as an adapter asks for it. */
export interface BackendRequest {
  /** Which of the closed list: `GET /tickets/{id}`. */
  readonly endpoint: string
  /** What `endpoint` stands for, filled in; built with `urlPath`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** What is wrong with a secret; never what it is. */
export class CredentialError extends Error {
  override name = 'CredentialError'
}

export interface Credential {
  /** @param endpoints the closed list of `METHOD /path/{template}` that may ever be sent */
  connect(base: URL, endpoints: readonly string[]): AuthorisedFetch
}

/** Sends a request with the credential, to the one backend it is for. The credential itself is never handed out. */
export type AuthorisedFetch = (request: BackendRequest) => Promise<Response>

/**
 * Reads the backend's credential from `name` or the file that `name_FILE` names.
 *
 * @throws {CredentialError}
 */
export function readCredential(name: string, environment: NodeJS.ProcessEnv = process.env): Credential {
  const value = readSecret(name, environment)
  if (value === undefined) throw new CredentialError(`${name} is required (or ${name}_FILE)`)
  if (!/^[\x21-\x7e]+$/.test(value)) throw new CredentialError(`${name} must be one word of printable ASCII`)
  return { connect: (base, endpoints) => authorise(value, base, endpoints) }
}

/**
 * Reads `AUDIT_KEY`, or makes and keeps one in `defaultFile` (mode 0600) where none is given.
 *
 * @throws {CredentialError}
 */
export function readAuditKey(
  defaultFile: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): { key: AuditKey; keptIn?: string } {
  const value = readSecret('AUDIT_KEY', environment)
  try {
    if (value !== undefined) return { key: parseAuditKey(value) }
  } catch (error) {
    throw new CredentialError(`AUDIT_KEY: ${(error as Error).message}`)
  }
  if (defaultFile === undefined) throw new CredentialError('AUDIT_KEY is required (or AUDIT_KEY_FILE)')
  try {
    return { key: parseAuditKey(keptKey(defaultFile)), keptIn: defaultFile }
  } catch (error) {
    throw new CredentialError(
      `AUDIT_KEY is not set, and none can be kept in ${defaultFile}: ${(error as Error).message}`,
    )
  }
}

/** What replicas of one server have in common, so that a question asked by one can be answered at another. */
export interface Shared {
  /** Seals the questions. Of this server alone, should several be given one key. */
  readonly stateKey: Buffer | undefined
  /** A `redis:` address, which may hold a password. Never without the key. */
  readonly storeUrl: string | undefined
}

/** Reads `MCP_STATE_KEY` and `MCP_STORE_URL`. @throws {CredentialError} */
export function readShared(server: string, environment: NodeJS.ProcessEnv = process.env): Shared {
  const key = readSecret('MCP_STATE_KEY', environment)
  const storeUrl = readSecret('MCP_STORE_URL', environment)
  const problems = [...problemsOfStore(storeUrl)]
  let bytes: Buffer | undefined
  try {
    bytes = key === undefined ? undefined : parseKeyBytes(key)
  } catch (error) {
    problems.push(`MCP_STATE_KEY: ${(error as Error).message}`)
  }
  if (storeUrl !== undefined && key === undefined) problems.push('MCP_STATE_KEY is required with MCP_STORE_URL')
  if (problems.length > 0) throw new CredentialError(problems.join('\n'))
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

function readSecret(name: string, environment: NodeJS.ProcessEnv): string | undefined {
  const value = environment[name] || undefined
  const file = environment[`${name}_FILE`] || undefined
  if (value !== undefined && file !== undefined)
    throw new CredentialError(`${name} and ${name}_FILE are both set: choose one`)
  if (file === undefined) return value
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch (error) {
    throw new CredentialError(`${name}_FILE cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function authorise(token: string, base: URL, endpoints: readonly string[]): AuthorisedFetch {
  const prefix = base.pathname.replace(/\/+$/, '')
  const allowed = new Map(endpoints.map(endpoint => [endpoint, patternOf(endpoint)]))
  return async ({ endpoint, path, query, headers, body, signal }) => {
    const pattern = allowed.get(endpoint)
    const [method = ''] = endpoint.split(' ')
    if (!pattern?.test(path)) throw new Error(`not an endpoint of this server: ${endpoint}`)
    const url = new URL(prefix + path, base)
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
    if (url.origin !== base.origin || url.pathname !== prefix + path) throw new Error('the request would go elsewhere')
    return await fetch(url, {
      method,
      headers: { ...headers, authorization: `Bearer ${token}` },
      ...(body !== undefined && { body }),
      // A redirect is never followed: it could carry the credential elsewhere.
      redirect: 'manual',
      signal,
    })
  }
}

function patternOf(endpoint: string): RegExp {
  const [, template = ''] = endpoint.split(' ')
  return new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/?#]+')}$`)
}
