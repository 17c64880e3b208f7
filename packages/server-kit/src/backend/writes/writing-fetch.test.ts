import { describe, expect, it } from 'vitest'
import { captureFetch } from '../../../test/backend/captured-fetch.ts'
import type { ReadEndpoint } from '../reading-fetch.ts'
import { authoriseWrites, type WriteEndpoint, type WritingFetch } from './writing-fetch.ts'

const SECRET = 'nd_s3cret-Value_123'
const BASE = new URL('https://backend.example')

const send = authoriseWrites(SECRET, BASE, ['GET /things/{id}', 'POST /things', 'PATCH /things/{id}'])

function request(change: Partial<Parameters<WritingFetch>[0]> = {}): Parameters<WritingFetch>[0] {
  const { signal } = new AbortController()
  return { endpoint: 'GET /things/{id}', path: '/things/a1', headers: {}, signal, ...change }
}

describe('a request of an adapter that writes', () => {
  it(`${verifies('P5', 'P6')} has the method of its endpoint, and its body`, async () => {
    const calls = captureFetch()
    await send(request())
    await send(request({ endpoint: 'POST /things', path: '/things', body: '{"a":1}' }))
    await send(request({ endpoint: 'PATCH /things/{id}', body: '{"b":2}' }))
    expect(calls[0]?.init.method).toBe('GET')
    expect(calls[0]?.init).not.toHaveProperty('body')
    for (const [index, method, body] of [
      [1, 'POST', '{"a":1}'],
      [2, 'PATCH', '{"b":2}'],
    ] as const)
      expect(calls[index]?.init).toMatchObject({
        method,
        body,
        redirect: 'manual',
        headers: { authorization: `Bearer ${SECRET}` },
      })
  })

  it.each(['GET /things', 'PUT /things', 'DELETE /things', 'post /things', 'POST', ''])(
    `${verifies('P6')} is not sent to an endpoint that the list does not have: %j`,
    async endpoint => {
      const calls = captureFetch()
      const sent = request({ endpoint: endpoint as WriteEndpoint, path: '/things' })
      await expect(send(sent)).rejects.toThrow('not an endpoint of this server')
      expect(calls).toEqual([])
    },
  )

  it(`${verifies('P6')} does not take its method from what a caller in JavaScript adds to it`, async () => {
    const calls = captureFetch()
    await send({ ...request(), method: 'DELETE' } as Parameters<WritingFetch>[0])
    expect(calls[0]?.init.method).toBe('GET')
  })

  it(`${verifies('P6')} has no endpoint that deletes in its types`, () => {
    // @ts-expect-error No adapter can list an endpoint that deletes.
    const endpoint: ReadEndpoint | WriteEndpoint = 'DELETE /things/{id}'
    expect(endpoint).toContain('DELETE')
  })
})
