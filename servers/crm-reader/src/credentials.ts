// Copied on purpose: a fault here must stay here.
import { readFileSync } from 'node:fs'
import { type AuditKey, parseAuditKey } from '@narrow-deputies/guardrails/audit'
import { keptKey } from './kept-key.ts'

/** The only kind of request that this server has. */
export type ReadEndpoint = `GET /${string}`

/** One request to the backend, as an adapter asks for it. */
export interface BackendRequest {
  /** Which of the closed list: `GET /customers/{id}`. */
  readonly endpoint: ReadEndpoint
  /** What `endpoint` stands for, filled in; built with `urlPath`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** What is wrong with a secret; never what it is. */
export class CredentialError extends Error {
  override name = 'CredentialError'
}

export interface Credential {
  /** @param endpoints the closed list of `GET /path/{template}` that may ever be sent */
  connect(base: URL, endpoints: readonly ReadEndpoint[]): AuthorisedFetch
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

function authorise(token: string, base: URL, endpoints: readonly ReadEndpoint[]): AuthorisedFetch {
  const prefix = base.pathname.replace(/\/+$/, '')
  const allowed = new Map(endpoints.map(endpoint => [endpoint, patternOf(endpoint)]))
  return async ({ endpoint, path, query, headers, signal }) => {
    const pattern = allowed.get(endpoint)
    if (!pattern?.test(path)) throw new Error(`not an endpoint of this server: ${endpoint}`)
    const url = new URL(prefix + path, base)
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
    if (url.origin !== base.origin || url.pathname !== prefix + path) throw new Error('the request would go elsewhere')
    return await fetch(url, {
      method: 'GET',
      headers: { ...headers, authorization: `Bearer ${token}` },
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
