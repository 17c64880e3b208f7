import { createHash, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

/** Every scope there is. A route demands exactly one of them. */
export const SCOPES = {
  blog: ['articles:create', 'articles:read', 'articles:list', 'articles:edit', 'articles:delete'],
  crm: ['customers:read', 'customers:list', 'customers:export', 'customers:write', 'customers:delete'],
  tickets: ['tickets:create', 'tickets:update', 'tickets:read', 'tickets:list', 'tickets:reply', 'tickets:delete'],
} as const

export type ApiName = keyof typeof SCOPES
export type Scope = (typeof SCOPES)[ApiName][number]

/** Who holds a key, without the key. */
export interface Caller {
  hash: string
  name: string
  api: ApiName
  scopes: readonly string[]
}

/** The issued keys. Only their SHA-256 is stored: a copy of the database opens nothing. */
export class ApiKeys {
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /**
   * Makes a new key and returns it; it cannot be read again.
   *
   * @throws RangeError when a scope is not one of that API's
   */
  mint(api: ApiName, scopes: readonly string[], name = `${api} key`): string {
    const value = `nd_demo_${api}_${randomBytes(24).toString('base64url')}`
    this.accept(value, api, scopes, name)
    return value
  }

  /**
   * Accepts a key whose value somebody else chose. The same value again replaces what it stood for.
   *
   * @throws RangeError when a scope is not one of that API's, or the value could not travel in a header
   */
  accept(value: string, api: ApiName, scopes: readonly string[], name: string): void {
    if (!/^[!-~]{1,512}$/.test(value)) throw new RangeError('an API key is 1 to 512 visible ASCII characters')
    const known: readonly string[] = SCOPES[api]
    const unknown = scopes.filter(scope => !known.includes(scope))
    if (unknown.length > 0) throw new RangeError(`not a scope of the ${api} API: ${unknown.join(', ')}`)
    this.#db
      .prepare('INSERT OR REPLACE INTO api_keys (hash, name, api, scopes) VALUES (?, ?, ?, ?)')
      .run(hashOf(value), name, api, JSON.stringify(scopes))
  }

  /** The holder named by an `Authorization` header, or null when it is absent, malformed or unknown. */
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
