import type { FastifyInstance } from 'fastify'
import type { RateLimiter } from '../api-rules.ts'
import { applyApiRules } from '../api-rules.ts'
import type { Writes } from '../idempotency.ts'
import { closed, text } from '../json-schema.ts'
import type { Articles } from './articles.ts'

const MARKDOWN_LIMIT = 1024 * 1024

// \p{Ll} matches lowercase letters. \p{Lm} and \p{Lo} match letters of scripts without case.
const SLUG = {
  ...text(1, 120),
  pattern: '^[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}\\p{Nd}]+(?:-[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}\\p{Nd}]+)*$',
}
const CONTENT = { title: text(1, 200), markdown: text(1, MARKDOWN_LIMIT) }
const SLUG_PARAMS = { type: 'object', properties: { slug: { type: 'string' } }, required: ['slug'] }

const SUMMARY = {
  id: { type: 'string' },
  slug: { type: 'string' },
  title: { type: 'string' },
  url: { type: 'string' },
  sha256: { type: 'string' },
  status: { type: 'string', enum: ['published'] },
  publishedAt: { type: 'string' },
}
const PUBLISHED = closed({ ...SUMMARY, created: { type: 'boolean' } })
const ARTICLE = closed({ ...SUMMARY, markdown: { type: 'string' } })

interface Content {
  title: string
  markdown: string
}

interface BlogOptions {
  articles: Articles
  writes: Writes
  limiter: RateLimiter
}

/** The blog API: publish, read, list, edit and delete articles. */
export async function blogApi(app: FastifyInstance, { articles, writes, limiter }: BlogOptions): Promise<void> {
  await applyApiRules(app, {
    api: 'blog',
    title: 'Blog API',
    description: 'Articles of the company blog. Creating an article also publishes it.',
    limiter,
  })

  app.post<{ Body: Content & { slug: string } }>(
    '/articles',
    {
      config: { access: 'articles:create' },
      schema: {
        operationId: 'createArticle',
        summary: 'Create and publish an article; repeating it with the same slug and text changes nothing',
        body: closed({ slug: SLUG, ...CONTENT }),
        response: { 200: PUBLISHED, 201: PUBLISHED },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => {
        const { article, created } = articles.publish(request.body)
        return { status: created ? 201 : 200, body: { ...article, created } }
      }),
  )

  app.get(
    '/articles',
    {
      config: { access: 'articles:list' },
      schema: {
        operationId: 'listArticles',
        summary: 'List all articles, without their text',
        response: { 200: closed({ articles: { type: 'array', items: closed(SUMMARY) } }) },
      },
    },
    async () => ({ articles: articles.all() }),
  )

  app.get<{ Params: { slug: string } }>(
    '/articles/:slug',
    {
      config: { access: 'articles:read' },
      schema: {
        operationId: 'getArticle',
        summary: 'Get an article with its text',
        params: SLUG_PARAMS,
        response: { 200: ARTICLE },
      },
    },
    async request => articles.get(request.params.slug),
  )

  app.put<{ Params: { slug: string }; Body: Content }>(
    '/articles/:slug',
    {
      config: { access: 'articles:edit' },
      schema: {
        operationId: 'editArticle',
        summary: 'Replace the title and text of a published article',
        params: SLUG_PARAMS,
        body: closed(CONTENT),
        response: { 200: ARTICLE },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => ({ status: 200, body: articles.edit(request.params.slug, request.body) })),
  )

  app.delete<{ Params: { slug: string } }>(
    '/articles/:slug',
    {
      config: { access: 'articles:delete' },
      schema: {
        operationId: 'deleteArticle',
        summary: 'Delete an article permanently',
        params: SLUG_PARAMS,
        response: { 204: { type: 'null', description: 'Deleted' } },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => {
        articles.remove(request.params.slug)
        return { status: 204, body: null }
      }),
  )
}
