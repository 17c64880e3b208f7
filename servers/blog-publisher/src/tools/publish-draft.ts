import * as z from 'zod'
import { defineWriteTool } from '#call/writes'
import { isDraftName } from '#guardrails/path-guard'
import { readArticle } from '../drafts/article.ts'
import type { Ports } from '../ports.ts'
import { Sha256, Title } from '../vocabulary.ts'

export const publishDraft = defineWriteTool<Ports>()({
  name: 'publishDraft',
  title: 'Publish a draft',
  summary:
    'Publishes a draft from the drafts folder to the live blog. Only filenames returned by listDrafts are accepted.',
  worstCase: 'A post that a person already wrote goes live at the wrong time. Undo: unpublish it in the blog’s admin.',
  effect: 'irreversible',
  scope: 'blog:publish',
  input: z.strictObject({
    filename: z
      .string()
      .max(200)
      .refine(isDraftName, {
        error: 'is not a name that a draft can have; only filenames that listDrafts returned are accepted',
        params: { code: 'NOT_A_DRAFT' },
      })
      .meta({ audit: 'clear' }),
  }),
  output: z.strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .meta({ audit: 'clear' }),
    title: Title,
    sha256: Sha256,
    alreadyPublished: z.boolean().meta({ audit: 'clear' }),
  }),
  guard: ({ filename }, { drafts }) => readArticle(drafts, filename),
  digest: ({ sha256 }) => sha256,
  confirm: ({ title, filename, words, sha256 }) =>
    `Publish “${title}” (${filename}, ${words} words) to the live blog?\n\nSHA-256 ${sha256}`,
  async handler(article, { blog }, call) {
    const { title, sha256 } = article
    return { ...(await blog.publish(article, call)), title, sha256 }
  },
})
