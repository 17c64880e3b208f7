import { describe, expect, it } from 'vitest'
import { backendForTest } from '../test/backend-fixture.ts'
import { call } from '../test/call.ts'
import type { Scope } from './api-keys.ts'
import { SCOPES } from './api-keys.ts'
import type { ApiName } from './index.ts'

const CUSTOMER = {
  name: 'Test Person',
  company: '',
  email: 'test.person@example.org',
  phone: '',
  plan: 'free',
  since: '2026-01-01',
  country: 'IE',
  notes: '',
  creditLimit: 0,
  birthDate: '1990-01-01',
}
const TICKET = { subject: 's', description: 'd', priority: 'low' }

/** The protected routes, their scopes, the status for a key with the scope, and a valid body. Deletes come last. */
const ROUTES: [ApiName, string, Scope, number, object?][] = [
  ['blog', 'POST /articles', 'articles:create', 201, { slug: 'a', title: 'A', markdown: 'a' }],
  ['blog', 'GET /articles', 'articles:list', 200],
  ['blog', 'GET /articles/hello-from-the-workbench', 'articles:read', 200],
  ['blog', 'PUT /articles/hello-from-the-workbench', 'articles:edit', 200, { title: 'B', markdown: 'b' }],
  ['blog', 'DELETE /articles/hello-from-the-workbench', 'articles:delete', 204],
  ['crm', 'GET /customers/by-email?email=eleni@papadopoulou.example', 'customers:read', 200],
  ['crm', 'GET /customers/search?name=an', 'customers:read', 200],
  ['crm', 'GET /customers/cus_e4t8vka7rs3x', 'customers:read', 200],
  ['crm', 'GET /customers', 'customers:list', 200],
  ['crm', 'GET /customers/export', 'customers:export', 200],
  ['crm', 'POST /customers', 'customers:write', 201, CUSTOMER],
  ['crm', 'PATCH /customers/cus_e4t8vka7rs3x', 'customers:write', 200, { plan: 'business' }],
  ['crm', 'DELETE /customers/cus_e4t8vka7rs3x', 'customers:delete', 204],
  ['tickets', 'POST /tickets', 'tickets:create', 201, TICKET],
  ['tickets', 'GET /tickets', 'tickets:list', 200],
  ['tickets', 'GET /tickets/tic_4mz8wk2hqv6s', 'tickets:read', 200],
  ['tickets', 'PATCH /tickets/tic_4mz8wk2hqv6s', 'tickets:update', 200, { note: 'n' }],
  ['tickets', 'POST /tickets/tic_4mz8wk2hqv6s/replies', 'tickets:reply', 201, { text: 't' }],
  ['tickets', 'DELETE /tickets/tic_4mz8wk2hqv6s', 'tickets:delete', 204],
]

const snapshot = (b: Awaited<ReturnType<typeof backendForTest>>) => [b.articles(), b.customers(), b.ticketRows()]

describe('access', () => {
  it('is tested in this file for every route that the APIs describe', async () => {
    const backend = await backendForTest()
    const described: string[] = []
    for (const api of ['blog', 'crm', 'tickets'] as const) {
      const { json } = await call(backend[api], 'GET /openapi.json', { key: null })
      for (const [path, methods] of Object.entries<Record<string, Record<string, unknown>>>(json.paths)) {
        for (const [method, operation] of Object.entries(methods)) {
          if (path !== '/whoami') described.push(`${api} ${method.toUpperCase()} ${operation['x-required-scope']}`)
        }
      }
    }
    const tested = ROUTES.map(([api, request, scope]) => `${api} ${request.split(' ')[0]} ${scope}`)
    expect(described.sort()).toEqual(tested.sort())
  })

  it('to a route needs its scope; other keys are refused and change nothing', async () => {
    const backend = await backendForTest({ rateLimit: { max: 10_000, windowMs: 60_000 } })
    const wrongApi = backend.mintKey('crm', [...SCOPES.crm])
    const before = snapshot(backend)
    for (const [api, request, scope, , body] of ROUTES) {
      const attempts = [
        backend.mintKey(
          api,
          SCOPES[api].filter(other => other !== scope),
        ),
        backend.mintKey(api, []),
        api === 'crm' ? backend.mintKey('blog', [...SCOPES.blog]) : wrongApi,
      ]
      for (const key of attempts) {
        const { status, json } = await call(backend[api], request, { key, body })
        expect([request, status, json.error.code]).toEqual([request, 403, 'forbidden'])
      }
      for (const key of [null, 'nd_demo_unknown', `${backend[api].key}x`]) {
        const { status, json, headers } = await call(backend[api], request, { key, body })
        expect([request, status, json.error.code]).toEqual([request, 401, 'unauthenticated'])
        expect(headers.get('www-authenticate')).toBe('Bearer')
      }
    }
    expect(snapshot(backend)).toEqual(before)

    for (const [api, request, scope, status, body] of ROUTES) {
      const answer = await call(backend[api], request, { key: backend.mintKey(api, [scope]), body })
      expect([request, answer.status, answer.text]).toEqual([request, status, expect.any(String)])
    }
  })

  it('of the three server keys is limited to the scopes that the servers need', async () => {
    const backend = await backendForTest()
    const held = await Promise.all(
      (['blog', 'crm', 'tickets'] as const).map(api => call(backend[api], 'GET /whoami').then(({ json }) => json)),
    )
    expect(held).toEqual([
      { name: 'blog-publisher', api: 'blog', scopes: ['articles:create'] },
      { name: 'crm-reader', api: 'crm', scopes: ['customers:read'] },
      { name: 'ticket-handler', api: 'tickets', scopes: ['tickets:create', 'tickets:update', 'tickets:read'] },
    ])
    for (const api of ['blog', 'crm', 'tickets'] as const) {
      expect(backend[api].key).toMatch(new RegExp(`^nd_demo_${api}_[\\w-]{32,}$`))
      expect((await call(backend[api], 'GET /whoami', { key: null })).status).toBe(401)
    }
    expect((await call(backend.crm, 'GET /whoami', { key: backend.blog.key })).status).toBe(403)
  })

  it('needs one well-formed Authorization header, with the scheme in any case', async () => {
    const backend = await backendForTest()
    const whoami = (Authorization: string) =>
      call(backend.crm, 'GET /whoami', { key: null, headers: { Authorization } }).then(({ status }) => status)
    expect(await whoami(`bearer ${backend.crm.key}`)).toBe(200)
    expect(await whoami(`Basic ${backend.crm.key}`)).toBe(401)
    expect(await whoami(backend.crm.key)).toBe(401)
    expect(await whoami(`Bearer ${backend.crm.key} ${backend.crm.key}`)).toBe(401)
  })

  it('cannot be granted for a scope that the API does not have', async () => {
    const backend = await backendForTest()
    expect(() => backend.mintKey('crm', ['customers:read', 'articles:create'])).toThrow(RangeError)
  })
})
