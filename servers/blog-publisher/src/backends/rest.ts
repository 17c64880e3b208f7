import * as z from 'zod'
import { exchange, within } from '#backend'
import { type WritingFetch, writeOnce } from '#backend/writes'
import { urlPath } from '#guardrails/path-guard'
import type { BlogBackend } from '../ports.ts'

/** The closed list of requests that this server can send. */
export const REST_ENDPOINTS = ['POST /articles', 'GET /whoami'] as const

/** The scopes that the credential needs. `check` reports any other scope as a failure. */
export const REST_SCOPES = ['articles:create'] as const

const Whoami = z.object({ name: z.string().max(200), scopes: z.array(z.string().max(100)).max(100) })

/**
 * The articles of a REST backend, which creates and publishes in one step.
 *
 * @param timeoutMs milliseconds for one whole call
 */
export function restBlog(fetch: WritingFetch, timeoutMs: number): BlogBackend {
  return {
    async publish({ slug, title, markdown, sha256 }, call) {
      const { url, created } = await within(timeoutMs, call, bounded =>
        writeOnce(fetch, bounded, {
          endpoint: 'POST /articles',
          path: urlPath`/articles`,
          body: { slug, title, markdown },
          idempotencyKey: call.callId,
          // The backend returns the digest of what it received, which must be that of the confirmed bytes.
          reply: z.object({
            url: z
              .url({ protocol: /^https?$/ })
              .max(2048)
              .refine(url => isAddressOf(slug, new URL(url)))
              .transform(url => new URL(url).href),
            sha256: z.literal(sha256),
            created: z.boolean(),
          }),
          refusals: {
            409: 'A post of this name is live with other content. Editing a live post is done in the blog’s admin.',
          },
          ifLost: 'Call publishDraft again with the same filename: the same content is never published twice.',
        }),
      )
      return { url, alreadyPublished: !created }
    },
    whoami: call =>
      within(timeoutMs, call, bounded =>
        exchange(fetch, bounded, { endpoint: 'GET /whoami', path: urlPath`/whoami`, reply: Whoami }),
      ),
  }
}

/** Whether a URL ends with the slug of the post, so that the backend cannot append text to it. */
function isAddressOf(slug: string, { pathname, search, hash }: URL): boolean {
  return pathname.replace(/\/$/, '').endsWith(`/${encodeURIComponent(slug)}`) && search === '' && hash === ''
}
