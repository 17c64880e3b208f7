import { parentPort } from 'node:worker_threads'
import { startBackend } from '@narrow-deputies/demo-stack'

/** What the servers are told of the backend, and what there is to ask for. */
export interface Backend {
  readonly crm: { readonly url: string; readonly key: string }
  readonly tickets: { readonly url: string; readonly key: string }
  readonly customerIds: readonly string[]
}

// On a thread of its own: the client that measures must not wait for the backend's work.
const { crm, tickets, customers } = await startBackend({ rateLimit: { max: 1_000_000_000, windowMs: 60_000 } })
// Not the hostile records: the bare server has no bounds of its own, and its output schema refuses them.
const ordinary = customers().filter(({ name, company }) => name.length <= 120 && company.length <= 120)
const backend: Backend = { crm, tickets, customerIds: ordinary.map(({ id }) => id) }
parentPort?.postMessage(backend)
