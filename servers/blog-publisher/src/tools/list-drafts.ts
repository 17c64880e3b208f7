import * as z from 'zod'
import { defineTool } from '#call'
import { isText, titleOf } from '../drafts/article.ts'
import type { Ports } from '../ports.ts'
import { Sha256, Title } from '../vocabulary.ts'

const MAX_DRAFTS = 100

export const listDrafts = defineTool<Ports>()({
  name: 'listDrafts',
  title: 'List drafts',
  summary: 'Lists the newest drafts of the drafts folder.',
  worstCase: 'Names and titles of unpublished drafts are read by somebody who talks to the model; their texts are not.',
  effect: 'read',
  scope: 'blog:read',
  input: z.strictObject({}),
  output: z.strictObject({
    drafts: z
      .array(
        z.strictObject({
          filename: z.string().max(200).meta({ audit: 'clear' }),
          title: Title,
          sha256: Sha256,
          bytes: z.int().meta({ audit: 'clear' }),
          modifiedAt: z.iso.datetime().max(30).meta({ audit: 'clear' }),
        }),
      )
      .max(MAX_DRAFTS),
    omitted: z.int().meta({ audit: 'clear' }),
  }),
  guard: () => undefined,
  async handler(_, { drafts }) {
    const { entries, omitted } = await drafts.list(MAX_DRAFTS, draft =>
      isText(draft)
        ? {
            filename: draft.filename,
            title: titleOf(draft),
            sha256: draft.sha256,
            bytes: draft.bytes.length,
            modifiedAt: draft.modifiedAt.toISOString(),
          }
        : undefined,
    )
    return { drafts: entries, omitted }
  },
})
