/**
 * What must not compile. The type checker fails here when one of these does; `reading-only.test.ts` takes the marks away
 * and sees each of them fail by itself.
 */
import { z } from 'zod'
import type { CrmBackend } from '../src/backend.ts'
import { exchange } from '../src/backends/http.ts'
import type { AuthorisedFetch, Credential } from '../src/credentials.ts'
import { defineTool, type Tool } from '../src/tool.ts'

declare const credential: Credential
declare const fetch: AuthorisedFetch
declare const call: Parameters<CrmBackend['get']>[1]
declare const tool: Tool<CrmBackend>

const base = {
  name: 'deleteCustomer',
  title: 'Delete a customer',
  summary: 'Deletes.',
  worstCase: 'A customer is gone.',
  scope: 'crm:write',
  input: z.strictObject({}),
  output: z.strictObject({}),
  guard: () => undefined,
  handler: async () => ({}),
}

/** These do compile: it is the effect and the method that the others fail for. */
export const allowed = [
  defineTool<CrmBackend>()({ ...base, effect: 'read' }),
  credential.connect(new URL('https://crm.example'), ['GET /customers/{id}']),
  exchange(fetch, call, { endpoint: 'GET /customers/{id}', path: '/customers/cus_a', reply: z.object({}) }),
]

export const refused = [
  // @ts-expect-error A tool that changes something.
  defineTool<CrmBackend>()({ ...base, effect: 'reversible' }),
  // @ts-expect-error A tool that changes something for good, even if it asks.
  defineTool<CrmBackend>()({ ...base, effect: 'irreversible', confirm: () => 'Delete?' }),
  // @ts-expect-error A tool that does not say.
  defineTool<CrmBackend>()({ ...base }),
  // @ts-expect-error A tool of another making.
  ((): Tool<CrmBackend> => ({ ...tool, effect: 'reversible' }))(),
  // @ts-expect-error An endpoint that writes.
  credential.connect(new URL('https://crm.example'), ['GET /customers/{id}', 'POST /customers']),
  // @ts-expect-error An endpoint that deletes.
  credential.connect(new URL('https://crm.example'), ['DELETE /customers/{id}']),
  // @ts-expect-error An endpoint in another spelling.
  credential.connect(new URL('https://crm.example'), ['get /customers/{id}']),
  // @ts-expect-error An endpoint that nobody wrote down.
  credential.connect(new URL('https://crm.example'), [String('GET /customers')]),
  // @ts-expect-error A request that writes.
  exchange(fetch, call, { endpoint: 'PUT /customers/{id}', path: '/customers/cus_a', reply: z.object({}) }),
  // @ts-expect-error A request with a body.
  exchange(fetch, call, { endpoint: 'GET /customers/{id}', path: '/customers/a', body: {}, reply: z.object({}) }),
  // @ts-expect-error A body for the credential to send.
  fetch({ endpoint: 'GET /customers/{id}', path: '/customers/a', headers: {}, body: '{}', signal: call.signal }),
  // @ts-expect-error Another method for the credential to send.
  fetch({ endpoint: 'POST /customers', path: '/customers', headers: {}, signal: call.signal }),
  // @ts-expect-error A method beside the endpoint.
  fetch({ endpoint: 'GET /customers/{id}', method: 'DELETE', path: '/', headers: {}, signal: call.signal }),
]
