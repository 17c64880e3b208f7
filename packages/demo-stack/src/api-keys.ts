import { createHash, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

/** All scopes. Each route requires exactly one of them. */
export const SCOPES = {
  blog: ['articles:create', 'articles:read', 'articles:list', 'articles:edit', 'articles:delete'],
  crm: ['customers:read', 'customers:list', 'customers:export', 'customers:write', 'customers:delete'],
  tickets: ['tickets:create', 'tickets:update', 'tickets:read', 'tickets:list', 'tickets:reply', 'tickets:delete'],
} as const

export type ApiName = keyof typeof SCOPES
export type Scope = (typeof SCOPES)[ApiName][number]

/** The holder of an API key, without the key itself. */
export interface Caller {
  hash: string
  name: string
  api: ApiName
  scopes: readonly string[]
}

/** The issued API keys. Only their SHA-256 hashes are stored, so a copy of the database grants no access. */
export class ApiKeys {
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /**
   * Creates a key and returns it. The key cannot be read again later.
   *
   * @throws RangeError if the API does not have one of the scopes
   */
  mint(api: ApiName, scopes: readonly string[], name = `${api} key`): string {
    const value = `nd_demo_${api}_${randomBytes(24).toString('base64url')}`
    this.accept(value, api, scopes, name)
    return value
  }

  /**
   * Registers a key whose value the caller chose. Registering the same value again replaces its name, API and scopes.
   *
   * @throws RangeError if the API does not have one of the scopes, or if the value cannot be sent in a header
   */
  accept(value: string, api: ApiName, scopes: readonly string[], name: string): void {
    if (!/^[!-~]{1,512}$/.test(value)) throw new RangeError('an API key must be 1 to 512 visible ASCII characters')
    const known: readonly string[] = SCOPES[api]
    const unknown = scopes.filter(scope => !known.includes(scope))
    if (unknown.length > 0) throw new RangeError(`unknown scope of the ${api} API: ${unknown.join(', ')}`)
    this.#db
      .prepare('INSERT OR REPLACE INTO api_keys (hash, name, api, scopes) VALUES (?, ?, ?, ?)')
      .run(hashOf(value), name, api, JSON.stringify(scopes))
  }

  /** The holder of the key in an `Authorization` header, or null if the key is missing, malformed or unknown. */
  holder(authorization: string | undefined): Caller | null {
    const value = /^Bearer ([!-~]+)$/i.exec(authorization ?? '')?.[1]
    if (value === undefined) return null
    const row = this.#db.prepare('SELECT hash, name, api, scopes FROM api_keys WHERE hash = ?').get(hashOf(value))
    if (row === undefined) return null
    const { hash, name, api, scopes } = row as { hash: string; name: string; api: ApiName; scopes: string }
    return { hash, name, api, scopes: JSON.parse(scopes) }
  }
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
