import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { backendForTest } from '../../test/backend-fixture.ts'
import { call } from '../../test/call.ts'
import { SCOPES } from '../api-keys.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('the blog API', () => {
  it('creates and publishes an article without changing its text', async () => {
    const backend = await backendForTest({ seed: false, now: () => Date.parse('2026-04-01T12:00:00Z') })
    const body = { slug: 'τι-νέα', title: 'Τι νέα;', markdown: '# Τι νέα;\r\n\u0000\u202e 😀\n' }
    const { status, json } = await call(backend.blog, 'POST /articles', { body })
    expect(status).toBe(201)
    expect(json).toEqual({
      id: expect.stringMatching(/^art_[a-z0-9]{8,}$/),
      slug: 'τι-νέα',
      title: 'Τι νέα;',
      url: `${backend.url}/posts/%CF%84%CE%B9-%CE%BD%CE%AD%CE%B1`,
      sha256: sha256(body.markdown),
      status: 'published',
      publishedAt: '2026-04-01T12:00:00.000Z',
      created: true,
    })
    const { created: _created, ...article } = json
    expect(backend.articles()).toEqual([{ ...article, markdown: body.markdown }])
    expect((await fetch(json.url)).status).toBe(200)
  })

  it('returns the existing article for the same text, and refuses a different text', async () => {
    const backend = await backendForTest({ seed: false })
    const post = (markdown: string, title = 'A', slug = 'é') =>
      call(backend.blog, 'POST /articles', { body: { slug, title, markdown } })
    const first = await post('one')
    const same = await post('one', 'Another title', 'e\u0301')
    expect([same.status, same.json]).toEqual([200, { ...first.json, created: false }])
    const other = await post('two')
    expect([other.status, other.json]).toEqual([
      409,
      {
        error: {
          code: 'conflict',
          message: 'an article with this slug is already published with a different text; edit it in the blog admin',
        },
      },
    ])
    expect(backend.articles().map(({ markdown, title }) => [markdown, title])).toEqual([['one', 'A']])
  })

  it('publishes once for twenty equal requests at the same time', async () => {
    const backend = await backendForTest({ seed: false })
    const body = { slug: 'a', title: 'A', markdown: 'a' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(backend.blog, 'POST /articles', { body })))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201])
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1)
    expect(backend.articles()).toHaveLength(1)
  })

  it('gets, lists, edits and deletes articles for keys with the scopes', async () => {
    const backend = await backendForTest()
    const key = backend.mintKey('blog', [...SCOPES.blog])
    const slug = encodeURIComponent('τι-μάθαμε-από-έναν-κεραμίστα')
    const one = await call(backend.blog, `GET /articles/${slug}`, { key })
    expect(one.json).toEqual(backend.articles()[3])
    const list = await call(backend.blog, 'GET /articles', { key })
    expect(list.json.articles).toHaveLength(5)
    expect(list.json.articles[0]).not.toHaveProperty('markdown')
    const edited = await call(backend.blog, `PUT /articles/${slug}`, { key, body: { title: 'T', markdown: 'new' } })
    expect(edited.json).toEqual({ ...one.json, title: 'T', markdown: 'new', sha256: sha256('new') })
    expect((await call(backend.blog, `DELETE /articles/${slug}`, { key })).status).toBe(204)
    for (const method of ['GET', 'DELETE']) {
      expect((await call(backend.blog, `${method} /articles/${slug}`, { key })).status).toBe(404)
    }
    expect(backend.articles()).toHaveLength(4)
  })
})
