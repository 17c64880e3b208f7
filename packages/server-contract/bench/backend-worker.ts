import { parentPort } from 'node:worker_threads'
import { startBackend } from '@narrow-deputies/demo-stack'

/** The backend's URLs and keys, and the customers that can be requested. */
export interface Backend {
  readonly crm: { readonly url: string; readonly key: string }
  readonly tickets: { readonly url: string; readonly key: string }
  readonly customerIds: readonly string[]
}

// Runs in its own thread, so that the backend does not delay the client that measures.
const { crm, tickets, customers } = await startBackend({ rateLimit: { max: 1_000_000_000, windowMs: 60_000 } })
// Without hostile records: the bare server does not shorten texts, so its output schema would reject them.
const ordinary = customers().filter(({ name, company }) => name.length <= 120 && company.length <= 120)
const backend: Backend = { crm, tickets, customerIds: ordinary.map(({ id }) => id) }
parentPort?.postMessage(backend)
