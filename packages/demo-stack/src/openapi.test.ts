import { describe, expect, it } from 'vitest'
import { backendForTest } from '../test/backend-fixture.ts'
import { call } from '../test/call.ts'

const EXPECTED = {
  blog: ['Blog API', ['/articles', '/articles/{slug}', '/whoami']],
  crm: [
    'CRM API',
    ['/customers', '/customers/by-email', '/customers/export', '/customers/search', '/customers/{id}', '/whoami'],
  ],
  tickets: ['Ticket API', ['/tickets', '/tickets/{id}', '/tickets/{id}/replies', '/whoami']],
} as const

describe('the OpenAPI document', () => {
  for (const api of ['blog', 'crm', 'tickets'] as const) {
    it(`of the ${api} API describes every route and no other`, async () => {
      const backend = await backendForTest({ seed: false })
      const { status, json } = await call(backend[api], 'GET /openapi.json', { key: null })
      expect(status).toBe(200)
      expect(json.openapi).toBe('3.1.0')
      expect(json.info).toMatchObject({ title: EXPECTED[api][0], version: expect.any(String) })
      expect(json.servers).toEqual([{ url: new URL(backend[api].url).pathname }])
      expect(Object.keys(json.paths).sort()).toEqual(EXPECTED[api][1])

      const operationIds: string[] = []
      for (const [path, methods] of Object.entries<Record<string, never>>(json.paths)) {
        for (const [method, operation] of Object.entries<Operation>(methods)) {
          operationIds.push(operation.operationId)
          expect(operation.security).toEqual([{ apiKey: [] }])
          const declared = operation.parameters?.filter(p => p.in === 'path').map(p => p.name) ?? []
          expect(declared).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]))
          const statuses = Object.keys(operation.responses)
          expect(statuses).toEqual(expect.arrayContaining(['400', '401', '403', '404', '429', '500']))
          expect(Object.values(operation.responses).every(response => response.description !== '')).toBe(true)
          const isWrite = method !== 'get'
          expect(operation.parameters?.some(p => p.name === 'idempotency-key') ?? false).toBe(isWrite)
          expect(operation.requestBody !== undefined).toBe(isWrite && method !== 'delete')
        }
      }
      expect(new Set(operationIds).size).toBe(operationIds.length)
      expect(json.components.securitySchemes.apiKey).toEqual({ type: 'http', scheme: 'bearer' })

      const references = [...JSON.stringify(json).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)]
      expect(references.length).toBeGreaterThan(0)
      for (const [, name] of references) expect(json.components.schemas).toHaveProperty([String(name)])
      expect(JSON.stringify(json).match(/"\$ref":"(?!#\/components\/schemas\/)/)).toBeNull()
    })
  }
})

interface Operation {
  operationId: string
  security: unknown
  parameters?: { in: string; name: string }[]
  requestBody?: unknown
  responses: Record<string, { description: string }>
}
