import { describe, expect, it } from 'vitest'
import {
  CALLER,
  callOf,
  confirmationsOf,
  contextOf,
  DECLINED,
  INVALID,
  MINUTE,
  questionOf,
  type Sent,
  YES,
} from '../../../test/call/confirmation-requests.ts'

describe('a question in the legacy era', () => {
  it(`${verifies('P12')} is sent to the client within the call, and waits five minutes for the answer`, async () => {
    const { ask } = confirmationsOf()
    const sent: Sent[] = []
    const context = contextOf({}, question => {
      sent.push(question)
      return YES
    })
    expect(await ask('legacy', context)).toBe('accepted')
    expect(sent).toMatchObject([
      {
        method: 'elicitation/create',
        params: {
          mode: 'form',
          message: 'Do it?',
          requestedSchema: {
            type: 'object',
            properties: { confirm: { type: 'boolean', default: false } },
            required: ['confirm'],
          },
        },
        options: { timeout: 5 * MINUTE },
      },
    ])
    // Cancelling the call withdraws the question.
    expect(sent[0]?.options.signal).toBe(context.mcpReq.signal)
  })

  it(`${verifies('P12')} is declined if it is not answered`, async () => {
    const { ask } = confirmationsOf()
    const cause = new Error('timed out')
    const context = contextOf({}, () => {
      throw cause
    })
    await expect(ask('legacy', context)).rejects.toMatchObject({
      ...DECLINED,
      message: expect.stringContaining('no answer'),
      cause,
    })
  })

  it(`${verifies('P12')} is declined if the call is cancelled`, async () => {
    const { ask } = confirmationsOf({ stopping: new AbortController().signal })
    const cancelling = new AbortController()
    const context = contextOf({}, untilWithdrawn)
    Object.assign(context.mcpReq, { signal: cancelling.signal })
    const answer = ask('legacy', context)
    setImmediate(() => cancelling.abort())
    await expect(answer).rejects.toMatchObject(DECLINED)
  })

  it.each([
    [{ inputResponses: { confirm: YES } }],
    [{ requestState: 'W10.AAAA' }],
    [{ inputResponses: null }],
    [{ requestState: null }],
    [{ inputResponses: {}, requestState: '' }],
  ])(`${verifies('P12')} takes no answer that came with the call, and asks nobody then: %j`, async request => {
    const { ask } = confirmationsOf()
    const sent: Sent[] = []
    const context = contextOf(request, question => sent.push(question))
    await expect(ask('legacy', context)).rejects.toMatchObject(INVALID)
    expect(sent).toEqual([])
  })

  it(`${verifies('P12')} takes no answer to a question that somebody else was asked in the modern era`, async () => {
    const { ask, mint } = confirmationsOf()
    const sent: Sent[] = []
    const context = contextOf({ inputResponses: { confirm: YES }, requestState: await mint() }, question =>
      sent.push(question),
    )
    const other = questionOf({ call: callOf({ ...CALLER, id: '1001:bob' }).call })
    await expect(ask('legacy', context, other)).rejects.toMatchObject(INVALID)
    expect(sent).toEqual([])
  })

  it(`${verifies('P12')} is withdrawn if the process stops, and its call may come again`, async () => {
    const stopping = new AbortController()
    const { ask } = confirmationsOf({ stopping: stopping.signal })
    const answer = ask('legacy', contextOf({}, untilWithdrawn))
    setImmediate(() => stopping.abort())
    await expect(answer).rejects.toMatchObject({
      code: 'CONFIRMATION_UNAVAILABLE',
      message: expect.stringContaining('call again'),
    })
  })
})

function untilWithdrawn({ options: { signal } }: Sent): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('withdrawn'))))
}
