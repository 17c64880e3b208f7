import { join } from 'node:path'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { ClientMetadataDocuments } from './client-metadata-document.ts'
import { readPrivate, writePrivate } from './private-file.ts'

const MAX_CLIENTS = 1000

/**
 * Stores registered clients, in the state folder if there is one, and finds clients whose id is the URL of a metadata
 * document. Anybody can register, so the oldest client is removed when there are too many.
 */
export class Clients implements Adapter {
  readonly #registered: Map<string, AdapterPayload>
  readonly #file: string | undefined
  readonly #documents: ClientMetadataDocuments

  constructor(state: string | undefined, documents: ClientMetadataDocuments) {
    this.#file = state === undefined ? undefined : join(state, 'identity-clients.json')
    this.#documents = documents
    const stored = this.#file === undefined ? undefined : readPrivate(this.#file)
    this.#registered = new Map((stored as [string, AdapterPayload][] | undefined) ?? [])
  }

  async upsert(id: string, metadata: AdapterPayload): Promise<void> {
    this.#registered.set(id, JSON.parse(JSON.stringify(metadata)))
    const [oldest] = this.#registered.keys()
    if (this.#registered.size > MAX_CLIENTS && oldest !== undefined) this.#registered.delete(oldest)
    this.#save()
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#registered.get(id) ?? this.#documents.find(id)
  }

  async destroy(id: string): Promise<void> {
    this.#registered.delete(id)
    this.#save()
  }

  async findByUid(): Promise<undefined> {}
  async findByUserCode(): Promise<undefined> {}
  async consume(): Promise<void> {}
  async revokeByGrantId(): Promise<void> {}

  #save(): void {
    if (this.#file !== undefined) writePrivate(this.#file, [...this.#registered])
  }
}
