import { join } from 'node:path'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { ClientMetadataDocuments } from './client-metadata-document.ts'
import { readPrivate, writePrivate } from './private-file.ts'

const MOST_CLIENTS = 1000

/**
 * The apps: those that registered themselves, kept in the state folder if there is one, and those whose id is the
 * address of their metadata. Anybody can register, so the oldest goes when there are too many.
 */
export class Clients implements Adapter {
  readonly #registered: Map<string, AdapterPayload>
  readonly #file: string | undefined
  readonly #documents: ClientMetadataDocuments

  constructor(state: string | undefined, documents: ClientMetadataDocuments) {
    this.#file = state === undefined ? undefined : join(state, 'identity-clients.json')
    this.#documents = documents
    const kept = this.#file === undefined ? undefined : readPrivate(this.#file)
    this.#registered = new Map((kept as [string, AdapterPayload][] | undefined) ?? [])
  }

  async upsert(id: string, metadata: AdapterPayload): Promise<void> {
    this.#registered.set(id, JSON.parse(JSON.stringify(metadata)))
    const [oldest] = this.#registered.keys()
    if (this.#registered.size > MOST_CLIENTS && oldest !== undefined) this.#registered.delete(oldest)
    this.#keep()
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#registered.get(id) ?? this.#documents.find(id)
  }

  async destroy(id: string): Promise<void> {
    this.#registered.delete(id)
    this.#keep()
  }

  async findByUid(): Promise<undefined> {}
  async findByUserCode(): Promise<undefined> {}
  async consume(): Promise<void> {}
  async revokeByGrantId(): Promise<void> {}

  #keep(): void {
    if (this.#file !== undefined) writePrivate(this.#file, [...this.#registered])
  }
}
