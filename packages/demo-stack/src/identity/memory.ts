import type { Adapter, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'

const MOST_ENTRIES = 5000

/**
 * Sessions, grants, codes and refresh tokens of one kind. In memory on purpose: ending the provider signs everybody
 * out. The oldest entry goes when there are too many.
 */
export class Memory implements Adapter {
  readonly #entries = new Map<string, { payload: AdapterPayload; until: number }>()

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    // A copy, as a database would keep: the library goes on changing its object.
    const copy = JSON.parse(JSON.stringify(payload)) as AdapterPayload
    this.#entries.delete(id)
    this.#entries.set(id, {
      payload: copy,
      until: expiresIn ? Date.now() + expiresIn * 1000 : Number.POSITIVE_INFINITY,
    })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MOST_ENTRIES && oldest !== undefined) this.#entries.delete(oldest)
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

  /** The device flow is off. */
  async findByUserCode(): Promise<undefined> {
    return undefined
  }

  /** Checks again what the library has checked: of two requests at once with one code or token, the second fails. */
  async consume(id: string): Promise<void> {
    const payload = await this.find(id)
    if (payload === undefined || payload.consumed) throw new errors.InvalidGrant('used already')
    payload.consumed = Math.floor(Date.now() / 1000)
  }

  async destroy(id: string): Promise<void> {
    this.#entries.delete(id)
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [id, { payload }] of this.#entries) if (payload.grantId === grantId) this.#entries.delete(id)
  }
}
