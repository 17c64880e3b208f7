import { describe, expect, it } from 'vitest'
import { captureFetch } from '../../test/backend/captured-fetch.ts'
import { authoriseReads, type ReadEndpoint, type ReadingFetch } from './reading-fetch.ts'

const SECRET = 'nd_s3cret-Value_123'
const BASE = new URL('https://backend.example')

function request(endpoint: ReadEndpoint): Parameters<ReadingFetch>[0] {
  const { signal } = new AbortController()
  return { endpoint, path: '/things', headers: {}, signal }
}

describe('a request of an adapter that only reads', () => {
  it(`${verifies('P5', 'P6')} is a GET without a body, whatever a caller in JavaScript adds to it`, async () => {
    const calls = captureFetch()
    const send = authoriseReads(SECRET, BASE, ['GET /things'])
    await send({ ...request('GET /things'), body: '{}', method: 'DELETE' } as Parameters<ReadingFetch>[0])
    expect(calls[0]?.init).toMatchObject({ method: 'GET', headers: { authorization: `Bearer ${SECRET}` } })
    expect(calls[0]?.init).not.toHaveProperty('body')
  })

  it.each(['POST /things', 'DELETE /things'])(
    `${verifies('P6')} is not sent to an endpoint that writes, even if the list has it: %s`,
    async endpoint => {
      const calls = captureFetch()
      const send = authoriseReads(SECRET, BASE, [endpoint as ReadEndpoint])
      await expect(send(request(endpoint as ReadEndpoint))).rejects.toThrow('not an endpoint of this server')
      expect(calls).toEqual([])
    },
  )

  it(`${verifies('P6')} is not sent to an endpoint that the list does not have`, async () => {
    const calls = captureFetch()
    await expect(authoriseReads(SECRET, BASE, ['GET /others'])(request('GET /things'))).rejects.toThrow(
      'not an endpoint of this server',
    )
    expect(calls).toEqual([])
  })

  it(`${verifies('P6')} has no endpoint but GET in its types`, () => {
    // @ts-expect-error An adapter that only reads cannot list an endpoint that writes.
    expect(authoriseReads(SECRET, BASE, ['POST /things'])).toBeTypeOf('function')
  })
})
