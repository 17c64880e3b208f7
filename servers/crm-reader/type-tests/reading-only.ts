/**
 * What must not compile. The type checker fails here if one of these does; `reading-only.test.ts` removes the marks and
 * checks that each of them fails by itself.
 */
import * as z from 'zod'
import { authoriseReads, exchange, type ReadingFetch } from '#backend'
import { type CallContext, defineTool, type ReadTool, type Tool } from '#call'
import type { start } from '#setup'
import type { Config } from '../src/config.ts'
import type { CrmBackend } from '../src/ports.ts'

type Server = Parameters<typeof start<Config, CrmBackend>>[0]

declare const credential: Parameters<Server['connect']>[1]
declare const fetch: ReadingFetch
declare const call: CallContext
declare const madeByHand: Tool<CrmBackend> & { readonly effect: 'reversible' }

const url = new URL('https://crm.example')
const reply = z.object({})
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

/** These compile, so the others fail for their effect, their method or their body. */
export const allowed = [
  defineTool<CrmBackend>()({ ...base, effect: 'read' }),
  authoriseReads('token', url, ['GET /customers/{id}']),
  credential.connect(authoriseReads, url, ['GET /customers/{id}']),
  exchange(fetch, call, { endpoint: 'GET /customers/{id}', path: '/customers/cus_a', reply }),
  fetch({ endpoint: 'GET /customers/{id}', path: '/customers/a', headers: {}, signal: call.signal }),
]

/** What a server without writes may serve. */
const tools: readonly ReadTool<CrmBackend>[] = [
  // @ts-expect-error A tool that writes and was not made by defineTool.
  madeByHand,
]

export const refused = [
  tools,
  // @ts-expect-error A tool that changes something.
  defineTool<CrmBackend>()({ ...base, effect: 'reversible' }),
  // @ts-expect-error A tool that changes something for good, even if it asks.
  defineTool<CrmBackend>()({ ...base, effect: 'irreversible', confirm: () => 'Delete?' }),
  // @ts-expect-error A tool that does not say what its effect is.
  defineTool<CrmBackend>()({ ...base }),
  // @ts-expect-error An endpoint that writes.
  authoriseReads('token', url, ['POST /customers']),
  // @ts-expect-error An endpoint that deletes.
  authoriseReads('token', url, ['DELETE /customers/{id}']),
  // @ts-expect-error An endpoint in another spelling.
  authoriseReads('token', url, ['get /customers/{id}']),
  // @ts-expect-error An endpoint that is not written down.
  authoriseReads('token', url, [String('GET /customers')]),
  // @ts-expect-error An endpoint that writes, for the credential.
  credential.connect(authoriseReads, url, ['GET /customers/{id}', 'POST /customers']),
  // @ts-expect-error An endpoint that deletes, for the credential.
  credential.connect(authoriseReads, url, ['DELETE /customers/{id}']),
  // @ts-expect-error An endpoint in another spelling, for the credential.
  credential.connect(authoriseReads, url, ['get /customers/{id}']),
  // @ts-expect-error An endpoint that is not written down, for the credential.
  credential.connect(authoriseReads, url, [String('GET /customers')]),
  // @ts-expect-error A function that would be given the credential.
  credential.connect((token: string) => token, url, ['GET /customers/{id}']),
  // @ts-expect-error A request that writes.
  exchange(fetch, call, { endpoint: 'PUT /customers/{id}', path: '/customers/cus_a', reply }),
  // @ts-expect-error A request with a body.
  exchange(fetch, call, { endpoint: 'GET /customers/{id}', path: '/customers/a', body: {}, reply }),
  // @ts-expect-error A request with a key for writing once.
  exchange(fetch, call, { endpoint: 'GET /customers/{id}', path: '/customers/a', idempotencyKey: 'a', reply }),
  // @ts-expect-error A body to send with the credential.
  fetch({ endpoint: 'GET /customers/{id}', path: '/customers/a', headers: {}, body: '{}', signal: call.signal }),
  // @ts-expect-error Another method to send with the credential.
  fetch({ endpoint: 'POST /customers', path: '/customers', headers: {}, signal: call.signal }),
  // @ts-expect-error A method beside the endpoint.
  fetch({ endpoint: 'GET /customers/{id}', method: 'DELETE', path: '/', headers: {}, signal: call.signal }),
  // @ts-expect-error The room of tools that write.
  import('#call/writes'),
  // @ts-expect-error The room of requests that write.
  import('#backend/writes'),
  // @ts-expect-error The room that has humans confirm writes.
  import('#setup/writes'),
]
