import { WAYS, YES } from '@narrow-deputies/server-contract'
import { describe, expect, it } from 'vitest'
import { type Desk, desk } from './desk.ts'

const TICKET = {
  subject: 'Labels print blank “again”',
  // As long as a description may be, with a last word that must not be cut off.
  description: `First line.\n\n\tSecond: ${'ñ😀 '.repeat(994)}LAST`,
  priority: 'urgent',
  customerEmail: 'zoe@bronteson.example',
}

function eventsOf({ trail }: Desk) {
  return trail.records().filter(({ callId }) => callId !== undefined)
}

describe.each(WAYS)('a question to the human about a ticket, by %s', way => {
  it(`${verifies('P12')} shows every field in full, and its yes is for exactly that`, async () => {
    const world = await desk({ env: { TICKET_CONFIRM: 'required' } })
    const shown: string[] = []
    const session = await world.open(way, question => {
      shown.push(question)
      expect(world.backend.requests().filter(({ method }) => method !== 'GET')).toHaveLength(shown.length - 1)
      return YES
    })
    const { data } = await session.call('createTicket', TICKET)
    const { ticketId } = data
    expect(shown).toEqual([
      `Open a ticket with urgent priority for zoe@bronteson.example?\n\n${TICKET.subject}\n\n${TICKET.description}`,
    ])
    expect(world.backend.ticketRows()).toMatchObject([TICKET])

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
    expect(world.backend.ticketRows()[0]?.notes.map(({ text }) => text)).toEqual([note, 'x'])

    // Reading is not asked about.
    await session.call('getTicket', { ticketId })
    expect(shown).toHaveLength(5)
    expect(eventsOf(world).map(({ event, confirmation }) => `${event} ${confirmation}`)).toEqual([
      ...Array(5).fill(['confirm none', 'intent elicited', 'outcome elicited']).flat(),
      'intent none',
      'outcome none',
    ])
  })

  it(`${verifies('P12')} is the end of it after a no`, async () => {
    const world = await desk({ env: { TICKET_CONFIRM: 'required' } })
    const session = await world.open(way, () => ({ action: 'decline' }))
    expect((await session.call('createTicket', TICKET)).code).toBe('CONFIRMATION_DECLINED')
    const update = { ticketId: 'tic_aaaaaaaaaaaa', status: 'solved' }
    expect((await session.call('updateTicket', update)).code).toBe('CONFIRMATION_DECLINED')
    expect(world.backend.requests()).toEqual([])
    expect(eventsOf(world).map(({ event, confirmation }) => `${event} ${confirmation}`)).toEqual(
      Array(2).fill(['confirm none', 'denied declined']).flat(),
    )
  })

  it(`${verifies('P12')} cannot be put by every client: then nothing is written, and reading goes on`, async () => {
    const world = await desk({ env: { TICKET_CONFIRM: 'required' } })
    const session = await world.open(way)
    expect((await session.call('createTicket', TICKET)).code).toBe('CONFIRMATION_UNAVAILABLE')
    expect((await session.call('getTicket', { ticketId: 'tic_aaaaaaaaaaaa' })).code).toBe('NOT_FOUND')
    expect(world.backend.requests().map(({ method }) => method)).toEqual(['GET'])
  })

  it('is not put where the operator relies on the description, which is the default', async () => {
    const nobody = () => {
      throw new Error('nobody was to be asked')
    }
    // One way is enough to see that the default is no other word for it.
    for (const env of way === 'modern wire' ? [{}, { TICKET_CONFIRM: 'description' }] : [{}]) {
      const world = await desk({ env })
      const session = await world.open(way, nobody)
      const { data, code } = await session.call('createTicket', TICKET)
      expect(code).toBeUndefined()
      await session.call('updateTicket', { ticketId: data.ticketId, note: 'Called.' })
      expect(world.backend.ticketRows()[0]?.notes).toHaveLength(1)
      expect(eventsOf(world).map(({ event, confirmation }) => `${event} ${confirmation}`)).toEqual([
        ...['intent none', 'outcome none'],
        ...['intent none', 'outcome none'],
      ])
    }
  })
})

describe('a state that was left with the client', () => {
  it.each<[string, Record<string, string>]>([
    ['subject', { subject: 'Labels print blank' }],
    ['description', { description: 'Another.' }],
    ['priority', { priority: 'low' }],
    ['customerEmail', { customerEmail: 'eve@bronteson.example' }],
  ])(`${verifies('P12')} is of no use with another %s`, async (_, change) => {
    const world = await desk({ env: { TICKET_CONFIRM: 'required' } })
    const server = await world.start('modern', { elicitation: {} })
    const asked = await server.call('createTicket', TICKET)
    const { requestState } = asked.result as Record<string, unknown>
    const answer = { requestState, inputResponses: { confirm: YES } }
    const refused = await server.call('createTicket', { ...TICKET, ...change }, answer)
    expect(refused).toMatchObject({ result: { isError: true, _meta: { code: 'CONFIRMATION_INVALID' } } })
    expect(world.backend.requests()).toEqual([])
    const accepted = await server.call('createTicket', TICKET, answer)
    expect(accepted).toMatchObject({ result: { structuredContent: { status: 'open' } } })
    expect(world.backend.ticketRows()).toHaveLength(1)
  })
})
