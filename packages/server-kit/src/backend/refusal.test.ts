import { describe, expect, it } from 'vitest'
import { CodedError } from '#call'
import { refusal } from './refusal.ts'

/** The refusal that a status is told as. No message may hold the backend's own words. */
function refusalOf(status: number, headers: Record<string, string> = {}, refusals?: Record<number, string>) {
  const body = status === 304 ? null : 'the backend’s own words'
  const told = refusal(
    new Response(body, { status, headers: { location: 'https://evil.example/', ...headers } }),
    refusals,
  )
  expect(told).toBeInstanceOf(CodedError)
  expect(told.message).not.toContain('own words')
  expect(told.message).not.toContain('evil.example')
  return told
}

describe('the refusal of a status', () => {
  it.each([
    [400, 'BACKEND_REFUSED'],
    [401, 'BACKEND_REFUSED'],
    [403, 'BACKEND_REFUSED'],
    [404, 'NOT_FOUND'],
    [405, 'BACKEND_REFUSED'],
    [409, 'BACKEND_REFUSED'],
    [410, 'BACKEND_REFUSED'],
    [413, 'BACKEND_REFUSED'],
    [418, 'BACKEND_REFUSED'],
    [422, 'BACKEND_REFUSED'],
    [429, 'RATE_LIMITED'],
    [503, 'BACKEND_UNAVAILABLE'],
    [300, 'BACKEND_UNAVAILABLE'],
    [301, 'BACKEND_UNAVAILABLE'],
    [302, 'BACKEND_UNAVAILABLE'],
    [304, 'BACKEND_UNAVAILABLE'],
    [307, 'BACKEND_UNAVAILABLE'],
    [308, 'BACKEND_UNAVAILABLE'],
    [399, 'BACKEND_UNAVAILABLE'],
  ])(`${verifies('P14', 'P16')} %i has the code %s and a message of our own`, (status, code) => {
    expect(refusalOf(status)).toMatchObject({ code, retryAfterSeconds: undefined })
  })

  it('tells the operator where only the operator can help', () => {
    for (const status of [401, 403, 300, 302, 399]) expect(refusalOf(status).message).toContain('Tell the operator')
    for (const status of [400, 404, 409, 422, 429, 503])
      expect(refusalOf(status).message).not.toContain('Tell the operator')
  })

  it('uses the adapter’s own message for a status that it names', () => {
    const refusals = { 409: 'There is one already.' }
    expect(refusalOf(409, {}, refusals)).toMatchObject({ code: 'BACKEND_REFUSED', message: 'There is one already.' })
    expect(refusalOf(422, {}, refusals).message).toBe(
      'The backend refused these values. Change them before you try again.',
    )
  })
})

describe('Retry-After', () => {
  it.each([
    ['1', 1],
    ['7', 7],
    ['0', 1],
    ['007', 7],
    ['86400', 86_400],
    ['86401', 86_400],
    ['9'.repeat(30), 86_400],
    ['-5', 1],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 1],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400],
  ])(`${verifies('P14')} %j is told as %i seconds`, (header, seconds) => {
    for (const [status, code] of [
      [429, 'RATE_LIMITED'],
      [503, 'BACKEND_UNAVAILABLE'],
    ] as const) {
      const told = refusalOf(status, { 'retry-after': header })
      expect(told).toMatchObject({ code, retryAfterSeconds: seconds })
      expect(told.message).toContain(`Try again after ${seconds} seconds.`)
    }
  })

  it(`${verifies('P14')} can be a date: it is told as the seconds until then`, () => {
    for (const ahead of [30, 3600]) {
      const header = new Date(Date.now() + ahead * 1000).toUTCString()
      const { retryAfterSeconds = 0 } = refusalOf(429, { 'retry-after': header })
      // The header has whole seconds, and some time passes before it is read.
      expect(retryAfterSeconds).toBeGreaterThan(ahead - 20)
      expect(retryAfterSeconds).toBeLessThanOrEqual(ahead)
    }
  })

  it.each(['', 'soon', '60s', '30.0', 'NaN', 'Infinity', '9'.repeat(400), '１０', '<script>', 'Thu, 99 Foo 2026'])(
    '%j is ignored',
    header => {
      // A header cannot hold letters outside Latin-1. Then there is none.
      const headers = /^[\x20-\x7e]*$/.test(header) ? { 'retry-after': header } : {}
      for (const status of [429, 503]) {
        const told = refusalOf(status, headers)
        expect(told.retryAfterSeconds).toBeUndefined()
        expect(told.message).toContain('Try again later.')
      }
    },
  )

  it('counts only with the statuses 429 and 503', () => {
    for (const status of [302, 400, 401, 404, 409])
      expect(refusalOf(status, { 'retry-after': '5' }).retryAfterSeconds).toBeUndefined()
  })
})
