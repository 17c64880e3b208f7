import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { WritingFetch } from '#backend/writes'
import type { Article } from '../drafts/article.ts'
import { REST_ENDPOINTS, restBlog } from './rest.ts'

const markdown = '# A week\n'
const sha256 = createHash('sha256').update(markdown).digest('hex')
const ARTICLE: Article = { filename: 'week.md', slug: 'week', title: 'A week', markdown, sha256, words: 2 }
const CALL = { signal: new AbortController().signal, callId: 'call-1', callerId: 'os:1@desk', traceparent: '00-a-b-01' }
const REPLY = { url: 'https://blog.example/posts/week', sha256, created: true }

function blogThatAnswers(...replies: (object | number)[]) {
  const sent: Parameters<WritingFetch>[0][] = []
  const send = async (request: Parameters<WritingFetch>[0]): Promise<Response> => {
    sent.push(request)
    const reply = replies[sent.length - 1] ?? 500
    return typeof reply === 'number' ? new Response('', { status: reply }) : new Response(JSON.stringify(reply))
  }
  return { blog: restBlog(Object.assign(send, { holdsCredential: () => false }), 1000), sent }
}

describe('publishing over REST', () => {
  it(`${verifies('P3', 'P6')} sends one POST with the article, and nothing else of the draft`, async () => {
    const { blog, sent } = blogThatAnswers(REPLY)
    expect(await blog.publish(ARTICLE, CALL)).toEqual({ url: REPLY.url, alreadyPublished: false })
    expect(sent).toHaveLength(1)
    expect(sent[0]).toMatchObject({ endpoint: 'POST /articles', path: '/articles' })
    expect(JSON.parse(sent[0]?.body ?? '')).toEqual({ slug: 'week', title: 'A week', markdown })
    expect(sent[0]?.headers['idempotency-key']).toBe('call-1')
    expect(REST_ENDPOINTS).toEqual(['POST /articles', 'GET /whoami'])
  })

  it('reports an article that was there already', async () => {
    const { blog } = blogThatAnswers({ ...REPLY, created: false })
    expect(await blog.publish(ARTICLE, CALL)).toEqual({ url: REPLY.url, alreadyPublished: true })
  })

  it.each<[string, object]>([
    ['other bytes went live', { ...REPLY, sha256: createHash('sha256').update('other').digest('hex') }],
    ['it does not say which bytes did', { url: REPLY.url, created: true }],
    ['it says so in capitals', { ...REPLY, sha256: sha256.toUpperCase() }],
    ['the address is none', { ...REPLY, url: 'week' }],
    ['the address is a script', { ...REPLY, url: 'javascript:alert(1)' }],
    ['the address is a file', { ...REPLY, url: 'file:///etc/passwd' }],
    ['the address is very long', { ...REPLY, url: `https://blog.example/${'x'.repeat(2048)}` }],
    ['it does not say whether it is new', { url: REPLY.url, sha256 }],
  ])(`${verifies('P3', 'P16', 'P17')} does not succeed if the backend’s reply is that %s`, async (_, reply) => {
    const { blog, sent } = blogThatAnswers(reply, reply)
    await expect(blog.publish(ARTICLE, CALL)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('the same content is never published twice'),
    })
    expect(sent).toHaveLength(2)
  })

  it('is refused if a post of this name is live with other content, with a hint where to edit it', async () => {
    const { blog, sent } = blogThatAnswers(409)
    await expect(blog.publish(ARTICLE, CALL)).rejects.toMatchObject({
      code: 'BACKEND_REFUSED',
      message: 'A post of this name is live with other content. Editing a live post is done in the blog’s admin.',
    })
    expect(sent).toHaveLength(1)
  })
})
