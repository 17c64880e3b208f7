import { type Backend, startBackend } from '@narrow-deputies/demo-stack'
import { FaultyProxy, type ForwardedRequest, type ProxyFault, type Session } from '@narrow-deputies/server-contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { backendForTest, openTicketHandler, type TicketHandler, ticketHandlerForTest } from './ticket-handler.ts'

const TICKET = { subject: 'Labels print blank', description: 'Since Monday,\nall of them.', priority: 'high' }

/** Faults after which the backend has executed the request. */
const AFTER_THE_COMMIT: ProxyFault[] = [
  'reply lost',
  'reply cut',
  'reply replaced by a 502',
  'reply replaced by HTML',
  'reply replaced by other JSON',
]

let backend: Backend
let proxy: FaultyProxy
let handler: TicketHandler
let session: Session
let count = 0
/** A ticket that no other test creates. */
let ticket: typeof TICKET
/** The number of requests before the test. */
let before = 0

beforeAll(async () => {
  backend = await startBackend({ seed: false, rateLimit: { max: 100_000, windowMs: 60_000 } })
  proxy = await FaultyProxy.start(backend.tickets.url)
  handler = await openTicketHandler({ backend, apiUrl: proxy.url })
  session = await handler.open()
})
afterAll(async () => {
  await handler.close()
  await proxy.close()
  await backend.close()
})
beforeEach(() => {
  count += 1
  ticket = { ...TICKET, subject: `${TICKET.subject} ${count}` }
  before = proxy.sent.length
  faultAlways(undefined)
})

/** The next requests have these faults, and later ones have none. */
function faultOnce(...faults: ProxyFault[]): void {
  proxy.faultOf = () => faults.shift()
}

function faultAlways(fault: ProxyFault | undefined): void {
  proxy.faultOf = () => fault
}

/** The tickets that the test has created. */
function created(subject = ticket.subject) {
  return backend.ticketRows().filter(row => row.subject === subject)
}

/** What the server has sent since the test began. */
function sent(): ForwardedRequest[] {
  return proxy.sent.slice(before)
}

/** The idempotency keys of the writes among them. */
function keys(): unknown[] {
  return sent()
    .filter(({ method }) => method !== 'GET')
    .map(({ headers }) => headers['idempotency-key'])
}

describe('creating a ticket', () => {
  it.each(AFTER_THE_COMMIT)(
    `${verifies('P14')} after one fault (%s) is repeated: there is one ticket, and the caller receives its id`,
    async fault => {
      const newRecords = handler.trail.follow()
      faultOnce(fault)
      const { code, data } = await session.call('createTicket', ticket)
      expect(code).toBeUndefined()
      expect(created()).toMatchObject([{ ...ticket, id: data.ticketId }])
      const [first, second, ...others] = keys()
      expect(first).toMatch(/^[0-9a-f]{64}$/)
      expect(second).toBe(first)
      expect(others).toEqual([])
      expect(newRecords().map(({ event }) => event)).toEqual(['intent', 'outcome'])
    },
  )

  it.each<ProxyFault>(['request lost', 'request answered with 500'])(
    `${verifies('P14')} is repeated if the backend has not seen the request: %s`,
    async fault => {
      faultOnce(fault)
      const { data } = await session.call('createTicket', ticket)
      expect(created()).toMatchObject([{ ...ticket, id: data.ticketId }])
    },
  )

  it.each(AFTER_THE_COMMIT)(
    `${verifies('P14')} with a fault in every reply (%s) creates one ticket, and the caller learns how to find it`,
    async fault => {
      const newRecords = handler.trail.follow()
      faultAlways(fault)
      const { code, text } = await session.call('createTicket', ticket)
      expect(code).toBe('OUTCOME_UNKNOWN')
      expect(text).toContain('may or may not have been done')
      expect(text).toContain('Call createTicket again with the same arguments within ten minutes')
      expect(created()).toHaveLength(1)
      // It is repeated once, with the same key.
      expect(keys()).toHaveLength(2)
      expect(new Set(keys()).size).toBe(1)
      expect(newRecords().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'OUTCOME_UNKNOWN' } })

      faultAlways(undefined)
      const again = await session.call('createTicket', ticket)
      expect(created().map(({ id }) => id)).toEqual([again.data.ticketId])
    },
  )

  it(`${verifies('P14')} again within ten minutes finds the ticket, even in another process; later it creates another one`, async () => {
    const clock = { now: Date.parse('2026-05-04T08:00:00Z') }
    const own = await backendForTest({ seed: false, now: () => clock.now })
    const faulty = await FaultyProxy.start(own.tickets.url)
    onTestFinished(() => faulty.close())
    const world = await ticketHandlerForTest({ backend: own, apiUrl: faulty.url })
    const first = await world.open()
    faulty.faultOf = () => 'reply lost'
    expect((await first.call('createTicket', TICKET)).code).toBe('OUTCOME_UNKNOWN')
    faulty.faultOf = () => undefined
    const [made] = own.ticketRows()

    clock.now += 9 * 60_000
    const soon = await first.call('createTicket', TICKET)
    expect(soon.data.ticketId).toBe(made?.id)
    await first.close()
    const restarted = await world.open('legacy wire')
    const elsewhere = await restarted.call('createTicket', TICKET)
    expect(elsewhere.data).toEqual(soon.data)
    expect(own.ticketRows()).toHaveLength(1)

    clock.now += 60_001
    const late = await restarted.call('createTicket', TICKET)
    expect(late.data.ticketId).not.toBe(made?.id)
    expect(own.ticketRows()).toHaveLength(2)
  })

  it(`${verifies('P14')} by eight concurrent calls creates one ticket`, async () => {
    faultOnce('reply lost', 'reply cut', 'request lost', 'reply lost')
    const ends = await Promise.all(Array.from({ length: 8 }, () => session.call('createTicket', ticket)))
    const [made, ...others] = created()
    expect(others).toEqual([])
    const ids = ends.filter(({ code }) => code === undefined).map(({ data }) => data.ticketId)
    expect(new Set(ids)).toEqual(new Set([made?.id]))
  })

  it(`${verifies('P14')} with any other argument creates another ticket; the order of arguments does not matter`, async () => {
    const { subject, description, priority } = ticket
    const same = await session.call('createTicket', ticket)
    const reordered = await session.call('createTicket', { priority, description, subject })
    expect(reordered.data).toEqual(same.data)
    const others = [
      { ...ticket, subject: `${subject}.` },
      { ...ticket, description: `${description}\n` },
      { ...ticket, priority: 'low' },
      { ...ticket, customerEmail: 'zoe@bronteson.example' },
      { ...ticket, customerEmail: 'zoe@bronteson.example.org' },
      // The separator of the arguments must not be confused with their text.
      { ...ticket, subject: `${subject}","${description}` },
    ]
    const ids = new Set([same.data.ticketId])
    for (const args of others) ids.add((await session.call('createTicket', args)).data.ticketId)
    expect(ids.size).toBe(1 + others.length)
    expect(backend.ticketRows().filter(({ id }) => ids.has(id))).toHaveLength(ids.size)
  })

  it(`${verifies('P14')} has an unknown outcome if the second attempt is refused, because the first may have been done`, async () => {
    const limited = await backendForTest({ seed: false, rateLimit: { max: 1, windowMs: 60_000 } })
    const faulty = await FaultyProxy.start(limited.tickets.url)
    onTestFinished(() => faulty.close())
    const own = await (await ticketHandlerForTest({ backend: limited, apiUrl: faulty.url })).open()
    faulty.faultOf = () => (faulty.sent.length === 1 ? 'reply lost' : undefined)
    const { code } = await own.call('createTicket', TICKET)
    expect(code).toBe('OUTCOME_UNKNOWN')
    expect(limited.ticketRows()).toHaveLength(1)
    expect(limited.requests().map(({ status }) => status)).toEqual([201, 429])
  })
})

describe('updating a ticket', () => {
  const create = async (): Promise<unknown> => (await session.call('createTicket', ticket)).data.ticketId

  it.each(AFTER_THE_COMMIT)(`${verifies('P14')} after one fault (%s) updates it once`, async fault => {
    const ticketId = await create()
    faultOnce(fault)
    const change = { ticketId, status: 'pending', note: 'Asked for a picture.' }
    const { code, data } = await session.call('updateTicket', change)
    expect(code).toBeUndefined()
    expect(data).toMatchObject({ ticketId, status: 'pending' })
    expect(created()[0]?.notes.map(({ text }) => text)).toEqual(['Asked for a picture.'])
  })

  it.each(AFTER_THE_COMMIT)(
    `${verifies('P14')} with a fault in every reply (%s) updates it once, and getTicket shows it`,
    async fault => {
      const ticketId = await create()
      faultAlways(fault)
      const { code, text } = await session.call('updateTicket', { ticketId, note: 'Asked for a picture.' })
      expect(code).toBe('OUTCOME_UNKNOWN')
      expect(text).toContain('Call getTicket')
      expect(created()[0]?.notes).toHaveLength(1)

      faultAlways(undefined)
      const { data } = await session.call('getTicket', { ticketId })
      expect(data).toMatchObject({ untrusted: { notes: [{ text: 'Asked for a picture.' }] } })
    },
  )

  it(`${verifies('P14')} is done for each call: a status that was set before, and the same note twice`, async () => {
    const ticketId = await create()
    for (const status of ['pending', 'open', 'pending'] as const) {
      const { data } = await session.call('updateTicket', { ticketId, status })
      expect(data).toMatchObject({ status })
      expect(created()[0]?.status).toBe(status)
    }
    for (const note of ['Called.', 'Called.']) await session.call('updateTicket', { ticketId, note })
    expect(created()[0]?.notes).toHaveLength(2)
    expect(keys()).toHaveLength(6)
    expect(new Set(keys()).size).toBe(6)
  })
})

describe('a request that is not repeated', () => {
  it(`${verifies('P14')} is one that the backend has refused: the refusal is passed on`, async () => {
    const limited = await backendForTest({ seed: false, rateLimit: { max: 4, windowMs: 60_000 } })
    const own = await (await ticketHandlerForTest({ backend: limited })).open()
    const { ticketId } = (await own.call('createTicket', TICKET)).data
    await own.call('updateTicket', { ticketId, status: 'solved' })
    const conflict = await own.call('updateTicket', { ticketId, status: 'pending' })
    const missing = await own.call('updateTicket', { ticketId: 'tic_aaaaaaaaaaaa', status: 'pending' })
    const refusedWrite = await own.call('createTicket', { ...TICKET, priority: 'low' })
    const refusedRead = await own.call('getTicket', { ticketId })

    expect([conflict.code, missing.code, refusedWrite.code, refusedRead.code]).toEqual([
      'BACKEND_REFUSED',
      'NOT_FOUND',
      'RATE_LIMITED',
      'RATE_LIMITED',
    ])
    expect(limited.requests().map(({ status }) => status)).toEqual([201, 200, 409, 404, 429, 429])
    for (const { retryAfterSeconds, text } of [refusedWrite, refusedRead]) {
      expect(retryAfterSeconds).toSatisfy((wait: number) => Number.isInteger(wait) && wait >= 1 && wait <= 60)
      expect(text).toContain(`after ${retryAfterSeconds} seconds`)
    }
    expect(limited.ticketRows()).toHaveLength(1)
  })

  it(`${verifies('P14')} is a read, which its caller can repeat`, async () => {
    const { ticketId } = (await session.call('createTicket', ticket)).data
    faultAlways('reply lost')
    expect((await session.call('getTicket', { ticketId })).code).toBe('BACKEND_UNAVAILABLE')
    expect(sent().filter(({ method }) => method === 'GET')).toHaveLength(1)
  })

  it(`${verifies('P14')} has no idempotency key, and every write has one`, async () => {
    const { ticketId } = (await session.call('createTicket', { ...ticket, customerEmail: 'a@b.example' })).data
    faultOnce('request lost', 'request answered with 500')
    await session.call('createTicket', { ...ticket, priority: 'urgent' })
    await session.call('updateTicket', { ticketId, priority: 'low' })
    await session.call('getTicket', { ticketId })
    expect(sent().map(({ method }) => method)).toEqual(['POST', 'POST', 'POST', 'PATCH', 'GET'])
    for (const { method, headers } of sent()) expect('idempotency-key' in headers).toBe(method !== 'GET')
    // The key does not reveal the arguments.
    for (const key of keys()) expect(String(key)).toMatch(/^[0-9a-f-]{36,64}$/)
  })
})
