import type { Adapter, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'

const MAX_ENTRIES = 5000

/**
 * Stores the library's objects of one kind, such as sessions or refresh tokens. They are in memory only, so stopping
 * the provider signs everybody out. The oldest entry is removed when there are too many.
 */
export class MemoryAdapter implements Adapter {
  readonly #entries = new Map<string, { payload: AdapterPayload; until: number }>()

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    // Stores a copy, because the library changes the object afterwards.
    const copy = JSON.parse(JSON.stringify(payload)) as AdapterPayload
    this.#entries.delete(id)
    this.#entries.set(id, {
      payload: copy,
      until: expiresIn ? Date.now() + expiresIn * 1000 : Number.POSITIVE_INFINITY,
    })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest)
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    if (entry.until > Date.now()) return entry.payload
    this.#entries.delete(id)
    return undefined
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    for (const [id, { payload }] of this.#entries) if (payload.uid === uid) return this.find(id)
    return undefined
  }

  /** Used by the device flow only, which is disabled. */
  async findByUserCode(): Promise<undefined> {
    return undefined
  }

  /** Checks again that the entry is unused, so that the second of two concurrent requests with one code fails. */
  async consume(id: string): Promise<void> {
    const payload = await this.find(id)
    if (payload === undefined || payload.consumed) throw new errors.InvalidGrant('already used')
    payload.consumed = Math.floor(Date.now() / 1000)
  }

  async destroy(id: string): Promise<void> {
    this.#entries.delete(id)
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [id, { payload }] of this.#entries) if (payload.grantId === grantId) this.#entries.delete(id)
  }
}
