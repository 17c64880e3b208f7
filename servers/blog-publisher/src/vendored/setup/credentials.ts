import { readFileSync } from 'node:fs'
import type { Connector } from '#backend'
import { type AuditKey, parseAuditKey } from '#guardrails/audit'
import { AUDIT_KEY } from './common-variables.ts'
import { readGeneratedKey } from './generated-key.ts'
import { isPlaceholder, PLACEHOLDER_PROBLEM } from './placeholder.ts'
import { ConfigError, type Given } from './settings.ts'
import type { SecretVariable } from './variable.ts'

/** The backend's credential. Nothing can read it: it can only be used, in requests to one backend. */
export interface Credential {
  /**
   * @param authorise `authoriseReads` or `authoriseWrites` of the backend room
   * @param base where the backend's API begins
   * @param endpoints the closed list of `METHOD /path/{template}` that may ever be sent
   */
  connect<Endpoint extends string, Fetch>(
    authorise: Connector<Endpoint, Fetch>,
    base: URL,
    endpoints: readonly Endpoint[],
  ): Fetch
}

/** Reads the backend's credential. @throws {ConfigError} which never says what it is */
export function readCredential(variable: SecretVariable, given: Given): Credential {
  const { name } = variable
  const token = readSecret(variable, given)
  if (token === undefined) throw new ConfigError(`${name} is required (or ${name}_FILE)`)
  if (!/^[\x21-\x7e]+$/.test(token)) throw new ConfigError(`${name} must be one word of printable ASCII`)
  return { connect: (authorise, base, endpoints) => authorise(token, base, endpoints) }
}

/**
 * Reads `AUDIT_KEY`, or generates a key in the default file (mode 0600) if none is given.
 *
 * @param defaultFile where that file is; undefined if a key must be given
 * @throws {ConfigError}
 */
export function readAuditKey(
  defaultFile: (() => string) | undefined,
  given: Given,
): { key: AuditKey; keptIn?: string } {
  const { name } = AUDIT_KEY
  const value = readSecret(AUDIT_KEY, given)
  try {
    if (value !== undefined) return { key: parseAuditKey(value) }
  } catch (error) {
    throw new ConfigError(`${name}: ${(error as Error).message}`)
  }
  if (defaultFile === undefined) throw new ConfigError(`${name} is required (or ${name}_FILE)`)
  const file = defaultFile()
  try {
    return { key: parseAuditKey(readGeneratedKey(file)), keptIn: file }
  } catch (error) {
    throw new ConfigError(`${name} is not set, and none can be kept in ${file}: ${(error as Error).message}`)
  }
}

/**
 * Reads a secret from its variable, or from the file that `NAME_FILE` names.
 *
 * @throws {ConfigError} which never says what it is
 */
export function readSecret({ name }: SecretVariable, given: Given): string | undefined {
  const value = given[name]
  const file = given[`${name}_FILE`]
  if (value !== undefined && file !== undefined)
    throw new ConfigError(`${name} and ${name}_FILE are both set: choose one`)
  if (file !== undefined && isPlaceholder(file)) throw new ConfigError(`${name}_FILE ${PLACEHOLDER_PROBLEM}`)
  const secret = file === undefined ? value : readSecretFile(`${name}_FILE`, file)
  if (secret !== undefined && isPlaceholder(secret))
    throw new ConfigError(`${file === undefined ? name : `${name}_FILE`} ${PLACEHOLDER_PROBLEM}`)
  return secret
}

function readSecretFile(name: string, file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch (error) {
    throw new ConfigError(`${name} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
