import { describe, expect, it } from 'vitest'
import { backendForTest } from '../../test/backend-fixture.ts'
import { call } from '../../test/call.ts'
import { SCOPES } from '../api-keys.ts'

const NEW = { subject: 'Printer', description: 'It stopped.', priority: 'high' }

describe('the ticket API', () => {
  it('creates a ticket, with or without a customer', async () => {
    const backend = await backendForTest({ seed: false, now: () => Date.parse('2026-04-01T12:00:00Z') })
    const { status, json } = await call(backend.tickets, 'POST /tickets', { body: NEW })
    expect([status, json]).toEqual([
      201,
      {
        ...NEW,
        id: expect.stringMatching(/^tic_[a-z0-9]{8,}$/),
        status: 'open',
        customerEmail: null,
        createdAt: '2026-04-01T12:00:00.000Z',
        updatedAt: '2026-04-01T12:00:00.000Z',
        notes: [],
      },
    ])
    const other = await call(backend.tickets, 'POST /tickets', { body: { ...NEW, customerEmail: 'a@b.example' } })
    expect(other.json.customerEmail).toBe('a@b.example')
    expect((await call(backend.tickets, `GET /tickets/${json.id}`)).json).toEqual(json)
    expect((await call(backend.tickets, 'GET /tickets/tic_none')).status).toBe(404)
  })

  it('changes only the given fields, and adds the note as an internal note', async () => {
    let time = 0
    const backend = await backendForTest({ seed: false, now: () => time })
    const { json: ticket } = await call(backend.tickets, 'POST /tickets', { body: NEW })
    time = 1000
    const update = (body: object) => call(backend.tickets, `PATCH /tickets/${ticket.id}`, { body })
    const at = '1970-01-01T00:00:01.000Z'
    const changed = await update({ status: 'pending', priority: 'low', note: 'Called back.' })
    expect([changed.status, changed.json]).toEqual([
      200,
      {
        ...ticket,
        status: 'pending',
        priority: 'low',
        updatedAt: at,
        notes: [{ at, author: 'ticket-handler', text: 'Called back.', internal: true }],
      },
    ])
    expect((await update({ priority: 'urgent' })).json).toEqual({ ...changed.json, priority: 'urgent' })
    expect((await call(backend.tickets, 'PATCH /tickets/tic_none', { body: { note: 'n' } })).status).toBe(404)
  })

  it('lets a solved ticket only be reopened, and applies nothing of a refused update', async () => {
    const backend = await backendForTest()
    const path = '/tickets/tic_b6e5vph9uy2f'
    const before = backend.ticketRows()
    for (const status of ['pending', 'solved']) {
      const body = { status, priority: 'urgent', note: 'n' }
      const { status: code, json } = await call(backend.tickets, `PATCH ${path}`, { body })
      expect([code, json.error.code]).toEqual([409, 'conflict'])
    }
    expect(backend.ticketRows()).toEqual(before)
    expect((await call(backend.tickets, `PATCH ${path}`, { body: { note: 'n' } })).json.status).toBe('solved')
    expect((await call(backend.tickets, `PATCH ${path}`, { body: { status: 'open' } })).json.status).toBe('open')
    expect((await call(backend.tickets, `PATCH ${path}`, { body: { status: 'pending' } })).status).toBe(200)
  })

  it('lists, replies to and deletes tickets for keys with the scopes', async () => {
    const backend = await backendForTest()
    const key = backend.mintKey('tickets', [...SCOPES.tickets], 'desk')
    expect((await call(backend.tickets, 'GET /tickets', { key })).json.tickets).toEqual(backend.ticketRows())
    const path = '/tickets/tic_4mz8wk2hqv6s'
    const replied = await call(backend.tickets, `POST ${path}/replies`, { key, body: { text: 'Done.' } })
    expect(replied.status).toBe(201)
    expect(replied.json.notes.at(-1)).toMatchObject({ author: 'desk', text: 'Done.', internal: false })
    expect((await call(backend.tickets, 'POST /tickets/tic_none/replies', { key, body: { text: 't' } })).status).toBe(
      404,
    )
    expect((await call(backend.tickets, `DELETE ${path}`, { key })).status).toBe(204)
    expect((await call(backend.tickets, `GET ${path}`, { key })).status).toBe(404)
    expect(backend.ticketRows()).toHaveLength(11)
  })
})
