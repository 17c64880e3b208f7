import { CLIENT_KINDS, YES } from '@narrow-deputies/server-contract'
import { describe, expect, it } from 'vitest'
import { type TicketHandler, ticketHandlerForTest } from './ticket-handler.ts'

const TICKET = {
  subject: 'Labels print blank “again”',
  // The maximum length, with a last word that must not be cut off.
  description: `First line.\n\n\tSecond: ${'ñ😀 '.repeat(994)}LAST`,
  priority: 'urgent',
  customerEmail: 'zoe@bronteson.example',
}

function eventsOf({ trail }: TicketHandler): string[] {
  return trail
    .records()
    .filter(({ callId }) => callId !== undefined)
    .map(({ event, confirmation }) => `${event} ${confirmation}`)
}

describe.each(CLIENT_KINDS)('a confirmation through a %s', kind => {
  it(`${verifies('P12')} shows every field in full, and by a yes does exactly that`, async () => {
    const handler = await ticketHandlerForTest({ env: { TICKET_CONFIRM: 'required' } })
    const shown: string[] = []
    const session = await handler.open(kind, question => {
      shown.push(question)
      expect(handler.backend.requests().filter(({ method }) => method !== 'GET')).toHaveLength(shown.length - 1)
      return YES
    })
    const { data } = await session.call('createTicket', TICKET)
    const { ticketId } = data
    expect(shown).toEqual([
      `Open a ticket with urgent priority for zoe@bronteson.example?\n\n${TICKET.subject}\n\n${TICKET.description}`,
    ])
    expect(handler.backend.ticketRows()).toMatchObject([TICKET])

    const note = `Called.\n${'n'.repeat(991)}.`
    await session.call('updateTicket', { ticketId, status: 'pending', priority: 'low', note })
    await session.call('updateTicket', { ticketId, status: 'open' })
    await session.call('updateTicket', { ticketId, priority: 'normal' })
    await session.call('updateTicket', { ticketId, note: 'x' })
    expect(shown.slice(1)).toEqual([
      `Change ticket ${ticketId}?\nStatus: pending\nPriority: low\nInternal note: ${note}`,
      `Change ticket ${ticketId}?\nStatus: open`,
      `Change ticket ${ticketId}?\nPriority: normal`,
      `Change ticket ${ticketId}?\nInternal note: x`,
    ])
    expect(handler.backend.ticketRows()[0]?.notes.map(({ text }) => text)).toEqual([note, 'x'])

    // A read needs no confirmation.
    await session.call('getTicket', { ticketId })
    expect(shown).toHaveLength(5)
    expect(eventsOf(handler)).toEqual([
      ...Array(5).fill(['confirm none', 'intent elicited', 'outcome elicited']).flat(),
      'intent none',
      'outcome none',
    ])
  })

  it(`${verifies('P12')} by a no does nothing`, async () => {
    const handler = await ticketHandlerForTest({ env: { TICKET_CONFIRM: 'required' } })
    const session = await handler.open(kind, () => ({ action: 'decline' }))
    expect((await session.call('createTicket', TICKET)).code).toBe('CONFIRMATION_DECLINED')
    const update = { ticketId: 'tic_aaaaaaaaaaaa', status: 'solved' }
    expect((await session.call('updateTicket', update)).code).toBe('CONFIRMATION_DECLINED')
    expect(handler.backend.requests()).toEqual([])
    expect(eventsOf(handler)).toEqual(Array(2).fill(['confirm none', 'denied declined']).flat())
  })

  it(`${verifies('P12')} is required: without elicitation nothing is written, and reads work`, async () => {
    const handler = await ticketHandlerForTest({ env: { TICKET_CONFIRM: 'required' } })
    const session = await handler.open(kind)
    expect((await session.call('createTicket', TICKET)).code).toBe('CONFIRMATION_UNAVAILABLE')
    expect((await session.call('getTicket', { ticketId: 'tic_aaaaaaaaaaaa' })).code).toBe('NOT_FOUND')
    expect(handler.backend.requests().map(({ method }) => method)).toEqual(['GET'])
  })

  it('is not requested if the operator relies on the description, which is the default', async () => {
    const nobody = () => {
      throw new Error('the server must not ask for a confirmation')
    }
    // With one client, also test the setting that is the default.
    for (const env of kind === 'modern wire' ? [{}, { TICKET_CONFIRM: 'description' }] : [{}]) {
      const handler = await ticketHandlerForTest({ env })
      const session = await handler.open(kind, nobody)
      const { data, code } = await session.call('createTicket', TICKET)
      expect(code).toBeUndefined()
      await session.call('updateTicket', { ticketId: data.ticketId, note: 'Called.' })
      expect(handler.backend.ticketRows()[0]?.notes).toHaveLength(1)
      expect(eventsOf(handler)).toEqual([...['intent none', 'outcome none'], ...['intent none', 'outcome none']])
    }
  })
})

describe('the state of a confirmation request', () => {
  it(`${verifies('P12')} is not accepted with another argument`, async () => {
    const handler = await ticketHandlerForTest({ env: { TICKET_CONFIRM: 'required' } })
    const server = await handler.start('modern', { elicitation: {} })
    const changes: Record<string, string>[] = [
      { subject: 'Labels print blank' },
      { description: 'Another.' },
      { priority: 'low' },
      { customerEmail: 'eve@bronteson.example' },
    ]
    for (const [index, change] of changes.entries()) {
      // The same ticket again would be recognized by its idempotency key.
      const ticket = { ...TICKET, subject: `${TICKET.subject} ${index}` }
      const asked = await server.call('createTicket', ticket)
      const { requestState } = asked.result as Record<string, unknown>
      const answer = { requestState, inputResponses: { confirm: YES } }
      const refused = await server.call('createTicket', { ...ticket, ...change }, answer)
      expect(refused).toMatchObject({ result: { isError: true, _meta: { code: 'CONFIRMATION_INVALID' } } })
      expect(handler.backend.requests()).toHaveLength(index)
      const accepted = await server.call('createTicket', ticket, answer)
      expect(accepted).toMatchObject({ result: { structuredContent: { status: 'open' } } })
      expect(handler.backend.ticketRows()).toHaveLength(index + 1)
    }
  })
})
