import * as z from 'zod'
import { exchange, type ReadEndpoint, type ReadingFetch, within } from '#backend'
import { CodedError, untrustedLine } from '#call'
import { urlPath } from '#guardrails/path-guard'
import type { CrmBackend } from '../ports.ts'
import { type Customer, CustomerId, type CustomerMatch, type Field, Plan } from '../vocabulary.ts'

/** The closed list of requests that this server can send. */
export const REST_ENDPOINTS = [
  'GET /customers/by-email',
  'GET /customers/search',
  'GET /customers/{id}',
  'GET /whoami',
] as const satisfies readonly ReadEndpoint[]

/** The scopes that the credential needs. `check` reports any other scope as a failure. */
export const REST_SCOPES = ['customers:read'] as const

/**
 * The form of this backend’s ids. Without it, a word such as `export` would pass as one segment and reach another
 * endpoint.
 */
const ID = /^cus_[a-z0-9]+$/

/** An id in a reply has this backend's form, so that it holds no other text. */
const ReplyId = CustomerId.refine(id => ID.test(id))

const Match = z.object({ id: ReplyId, name: untrustedLine(120), company: untrustedLine(120) })

const Whoami = z.object({ name: z.string().max(200), scopes: z.array(z.string().max(100)).max(100) })

/**
 * The customers of a REST backend.
 *
 * @param options.fields the fields that may be passed on; all others are dropped here
 * @param options.apiTimeoutMs milliseconds for one whole call
 */
export function restCustomers(
  fetch: ReadingFetch,
  { fields, apiTimeoutMs }: { fields: readonly Field[]; apiTimeoutMs: number },
): CrmBackend {
  const allowed = new Set<Field>(fields)
  const match = ({ id, name, company }: z.infer<typeof Match>): CustomerMatch => ({
    customerId: id,
    untrusted: { ...(allowed.has('name') && { name }), ...(allowed.has('company') && { company }) },
  })
  // A field that may not be passed on is not parsed either.
  const only = <T>(field: Field, schema: z.ZodType<T>): z.ZodType<T | undefined> =>
    allowed.has(field) ? schema : z.unknown().transform(() => undefined)
  const CustomerReply = Match.extend({
    email: only('email', untrustedLine(254)),
    phone: only('phone', untrustedLine(32)),
    country: only('country', z.string().regex(/^[A-Z]{2}$/)),
    plan: only('plan', Plan),
    since: only('since', z.iso.date()),
  }).transform(({ id, name, company, email, phone, ...rest }): Customer => {
    const { customerId, untrusted } = match({ id, name, company })
    return { customerId, untrusted: { ...untrusted, email, phone }, ...rest }
  })
  const SearchReply = z
    .object({ customers: z.array(Match).max(10), more: z.boolean() })
    .transform(({ customers, more }) => ({ customers: customers.map(match), more }))

  return {
    findByEmail: (email, call) =>
      within(apiTimeoutMs, call, bounded =>
        exchange(fetch, bounded, {
          endpoint: 'GET /customers/by-email',
          path: urlPath`/customers/by-email`,
          query: { email },
          // The address is compared even if it may not be passed on: another customer's record is no answer.
          reply: z
            .any()
            .refine(reply => isSameAddress(reply?.email, email))
            .pipe(CustomerReply),
        }),
      ),
    search: (name, call) =>
      within(apiTimeoutMs, call, bounded =>
        exchange(fetch, bounded, {
          endpoint: 'GET /customers/search',
          path: urlPath`/customers/search`,
          query: { name },
          reply: SearchReply,
        }),
      ),
    async get(id, call) {
      if (!ID.test(id)) throw new CodedError('NOT_FOUND', 'There is no customer of this id.')
      const path = urlPath`/customers/${id}`
      return await within(apiTimeoutMs, call, bounded =>
        exchange(fetch, bounded, {
          endpoint: 'GET /customers/{id}',
          path,
          reply: CustomerReply.refine(({ customerId }) => customerId === id),
        }),
      )
    },
    whoami: call =>
      within(apiTimeoutMs, call, bounded =>
        exchange(fetch, bounded, { endpoint: 'GET /whoami', path: urlPath`/whoami`, reply: Whoami }),
      ),
  }
}

function isSameAddress(found: unknown, wanted: string): boolean {
  return typeof found === 'string' && found.toLowerCase() === wanted.toLowerCase()
}
