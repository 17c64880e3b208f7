import type { Session } from '@narrow-deputies/server-contract'
import { describe, expect, it } from 'vitest'
import { backendForTest, type Desk, desk } from './desk.ts'
import { type Fate, type FaultyPath, faultyPath } from './faulty-path.ts'

const TICKET = { subject: 'Labels print blank', description: 'Since Monday,\nall of them.', priority: 'high' }

const AFTER_THE_COMMIT: Fate[] = [
  'reply lost',
  'reply cut',
  'reply replaced by a 502',
  'reply replaced by no JSON',
  'reply replaced by other JSON',
]

interface Setup extends Desk {
  readonly path: FaultyPath
  readonly session: Session
}

/** @param clock moved by the test; the backend remembers replies for ten minutes of it */
async function onFaultyPath(clock?: { now: number }): Promise<Setup> {
  const backend = await backendForTest({ seed: false, ...(clock && { now: () => clock.now }) })
  const path = await faultyPath(backend.tickets.url)
  const world = await desk({ backend, apiUrl: path.url })
  return { ...world, path, session: await world.open() }
}

/** Of the writes that the server sent. */
function keysOf({ path }: Setup): unknown[] {
  return path.sent.filter(({ method }) => method !== 'GET').map(({ headers }) => headers['idempotency-key'])
}

describe('creating a ticket when the reply is lost', () => {
  it.each(AFTER_THE_COMMIT)(
    `${verifies('P14')} once (%s): there is one ticket, and the caller gets its id`,
    async fate => {
      const world = await onFaultyPath()
      world.path.fates(fate)
      const { code, data } = await world.session.call('createTicket', TICKET)
      expect(code).toBeUndefined()
      expect(world.backend.ticketRows()).toMatchObject([{ ...TICKET, id: data.ticketId }])
      const [first, second, ...others] = keysOf(world)
      expect(first).toMatch(/^[0-9a-f]{64}$/)
      expect(second).toBe(first)
      expect(others).toEqual([])
      expect(
        world.trail
          .records()
          .filter(({ tool }) => tool)
          .map(({ event }) => event),
      ).toEqual(['intent', 'outcome'])
    },
  )

  it.each<Fate>(['request lost', 'request answered 500'])(
    `${verifies('P14')} before the backend saw the request (%s): it is made by the second attempt`,
    async fate => {
      const world = await onFaultyPath()
      world.path.fates(fate)
      const { data } = await world.session.call('createTicket', TICKET)
      expect(world.backend.ticketRows()).toMatchObject([{ ...TICKET, id: data.ticketId }])
    },
  )

  it.each(AFTER_THE_COMMIT)(
    `${verifies('P14')} every time (%s): there is one ticket, and the caller learns how to find out`,
    async fate => {
      const world = await onFaultyPath()
      world.path.always(fate)
      const { code, text } = await world.session.call('createTicket', TICKET)
      expect(code).toBe('OUTCOME_UNKNOWN')
      expect(text).toContain('may or may not have been done')
      expect(text).toContain('Call createTicket again with the same arguments within ten minutes')
      expect(world.backend.ticketRows()).toHaveLength(1)
      // Once more under the same key, and not again and again.
      expect(keysOf(world)).toHaveLength(2)
      expect(new Set(keysOf(world)).size).toBe(1)
      expect(world.trail.records().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'OUTCOME_UNKNOWN' } })

      world.path.always('arrives')
      const again = await world.session.call('createTicket', TICKET)
      expect(world.backend.ticketRows().map(({ id }) => id)).toEqual([again.data.ticketId])
    },
  )

  it(`${verifies('P14')} is found again within ten minutes, also by another process, and not after them`, async () => {
    const clock = { now: Date.parse('2026-05-04T08:00:00Z') }
    const world = await onFaultyPath(clock)
    world.path.always('reply lost')
    expect((await world.session.call('createTicket', TICKET)).code).toBe('OUTCOME_UNKNOWN')
    world.path.always('arrives')
    const [made] = world.backend.ticketRows()

    clock.now += 9 * 60_000
    const soon = await world.session.call('createTicket', TICKET)
    expect(soon.data.ticketId).toBe(made?.id)
    await world.session.close()
    const restarted = await world.open('legacy wire')
    const elsewhere = await restarted.call('createTicket', TICKET)
    expect(elsewhere.data).toEqual(soon.data)
    expect(world.backend.ticketRows()).toHaveLength(1)

    clock.now += 60_001
    const late = await restarted.call('createTicket', TICKET)
    expect(late.data.ticketId).not.toBe(made?.id)
    expect(world.backend.ticketRows()).toHaveLength(2)
  })

  it(`${verifies('P14')} is asked for by many at once: there is one ticket`, async () => {
    const world = await onFaultyPath()
    world.path.fates('reply lost', 'reply cut', 'request lost', 'reply lost')
    const ends = await Promise.all(Array.from({ length: 8 }, () => world.session.call('createTicket', TICKET)))
    const [ticket, ...others] = world.backend.ticketRows()
    expect(others).toEqual([])
    const ids = ends.filter(({ code }) => code === undefined).map(({ data }) => data.ticketId)
    expect(new Set(ids)).toEqual(new Set([ticket?.id]))
  })

  it(`${verifies('P14')} another ticket is another one: each argument counts, the order of arguments does not`, async () => {
    const world = await onFaultyPath()
    const { subject, description, priority } = TICKET
    const same = await world.session.call('createTicket', TICKET)
    const reordered = await world.session.call('createTicket', { priority, description, subject })
    expect(reordered.data).toEqual(same.data)
    const others = [
      { ...TICKET, subject: `${subject}.` },
      { ...TICKET, description: `${description}\n` },
      { ...TICKET, priority: 'low' },
      { ...TICKET, customerEmail: 'zoe@bronteson.example' },
      { ...TICKET, customerEmail: 'zoe@bronteson.example.org' },
      // What joins the arguments must not be able to stand in one.
      { ...TICKET, subject: `${subject}","${description}` },
    ]
    for (const args of others) await world.session.call('createTicket', args)
    expect(new Set(world.backend.ticketRows().map(({ id }) => id)).size).toBe(1 + others.length)
  })

  it(`${verifies('P14')} cannot be told when the second attempt is refused: the first may have been done`, async () => {
    const backend = await backendForTest({ seed: false, rateLimit: { max: 1, windowMs: 60_000 } })
    const path = await faultyPath(backend.tickets.url)
    const session = await (await desk({ backend, apiUrl: path.url })).open()
    path.fates('reply lost')
    const { code } = await session.call('createTicket', TICKET)
    expect(code).toBe('OUTCOME_UNKNOWN')
    expect(backend.ticketRows()).toHaveLength(1)
    expect(backend.requests().map(({ status }) => status)).toEqual([201, 429])
  })
})

describe('updating a ticket when the reply is lost', () => {
  it.each(AFTER_THE_COMMIT)(`${verifies('P14')} once (%s): it is updated once`, async fate => {
    const world = await onFaultyPath()
    const { ticketId } = (await world.session.call('createTicket', TICKET)).data
    world.path.fates(fate)
    const change = { ticketId, status: 'pending', note: 'Asked for a picture.' }
    const { code, data } = await world.session.call('updateTicket', change)
    expect(code).toBeUndefined()
    expect(data).toMatchObject({ ticketId, status: 'pending' })
    expect(world.backend.ticketRows()[0]?.notes.map(({ text }) => text)).toEqual(['Asked for a picture.'])
  })

  it.each(AFTER_THE_COMMIT)(`${verifies('P14')} every time (%s): it is updated once, and a look tells`, async fate => {
    const world = await onFaultyPath()
    const { ticketId } = (await world.session.call('createTicket', TICKET)).data
    world.path.always(fate)
    const { code, text } = await world.session.call('updateTicket', { ticketId, note: 'Asked for a picture.' })
    expect(code).toBe('OUTCOME_UNKNOWN')
    expect(text).toContain('Call getTicket')
    expect(world.backend.ticketRows()[0]?.notes).toHaveLength(1)

    world.path.always('arrives')
    const { data } = await world.session.call('getTicket', { ticketId })
    expect(data).toMatchObject({ untrusted: { notes: [{ text: 'Asked for a picture.' }] } })
  })

  it(`${verifies('P14')} is done as often as it is asked for: there and back, and the same note twice`, async () => {
    const world = await onFaultyPath()
    const { ticketId } = (await world.session.call('createTicket', TICKET)).data
    for (const status of ['pending', 'open', 'pending'] as const) {
      const { data } = await world.session.call('updateTicket', { ticketId, status })
      expect(data).toMatchObject({ status })
      expect(world.backend.ticketRows()[0]?.status).toBe(status)
    }
    for (const note of ['Called.', 'Called.']) await world.session.call('updateTicket', { ticketId, note })
    expect(world.backend.ticketRows()[0]?.notes).toHaveLength(2)
    const keys = keysOf(world)
    expect(keys).toHaveLength(6)
    expect(new Set(keys).size).toBe(6)
  })
})

describe('a request that is not repeated', () => {
  it(`${verifies('P14')} is one that the backend judged: each refusal is passed on after one request`, async () => {
    const backend = await backendForTest({ seed: false, rateLimit: { max: 4, windowMs: 60_000 } })
    const world = await desk({ backend })
    const session = await world.open()
    const { ticketId } = (await session.call('createTicket', TICKET)).data
    await session.call('updateTicket', { ticketId, status: 'solved' })
    const conflict = await session.call('updateTicket', { ticketId, status: 'pending' })
    const missing = await session.call('updateTicket', { ticketId: 'tic_aaaaaaaaaaaa', status: 'pending' })
    const limited = await session.call('createTicket', { ...TICKET, priority: 'low' })
    const limitedToo = await session.call('getTicket', { ticketId })

    expect([conflict.code, missing.code, limited.code, limitedToo.code]).toEqual([
      'BACKEND_REFUSED',
      'NOT_FOUND',
      'RATE_LIMITED',
      'RATE_LIMITED',
    ])
    expect(backend.requests().map(({ status }) => status)).toEqual([201, 200, 409, 404, 429, 429])
    for (const { retryAfterSeconds, text } of [limited, limitedToo]) {
      expect(retryAfterSeconds).toSatisfy((wait: number) => Number.isInteger(wait) && wait >= 1 && wait <= 60)
      expect(text).toContain(`after ${retryAfterSeconds} seconds`)
    }
    expect(backend.ticketRows()).toHaveLength(1)
  })

  it(`${verifies('P14')} is a read: its caller can`, async () => {
    const world = await onFaultyPath()
    const { ticketId } = (await world.session.call('createTicket', TICKET)).data
    world.path.always('reply lost')
    expect((await world.session.call('getTicket', { ticketId })).code).toBe('BACKEND_UNAVAILABLE')
    expect(world.path.sent.filter(({ method }) => method === 'GET')).toHaveLength(1)
  })

  it(`${verifies('P14')} is never a write without a key, and no read has one`, async () => {
    const world = await onFaultyPath()
    const { ticketId } = (await world.session.call('createTicket', { ...TICKET, customerEmail: 'a@b.example' })).data
    world.path.fates('request lost', 'request answered 500')
    await world.session.call('createTicket', { ...TICKET, priority: 'urgent' })
    await world.session.call('updateTicket', { ticketId, priority: 'low' })
    await world.session.call('getTicket', { ticketId })
    const { sent } = world.path
    expect(sent.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST', 'PATCH', 'GET'])
    for (const { method, headers } of sent) expect('idempotency-key' in headers).toBe(method !== 'GET')
    // What a key is made of cannot be read in it.
    for (const key of keysOf(world)) expect(String(key)).toMatch(/^[0-9a-f-]{36,64}$/)
  })
})
