import { describe, expect, it } from 'vitest'
import { AuditUnavailableError } from '#guardrails/audit'
import {
  CALLER,
  callOf,
  confirmationsOf,
  contextOf,
  DECLINED,
  INVALID,
  questionOf,
  type Sent,
  YES,
} from '../../../test/call/confirmation-requests.ts'
import { BARE_DEFINITION } from '../../../test/call/tool-definition.ts'
import { defineTool } from '../tool.ts'
import { defineWriteTool } from './write-tool.ts'

describe('a tool', () => {
  const request = {
    call: callOf().call,
    era: 'modern',
    context: contextOf(),
    elicitation: {},
    stopping: undefined,
  } as const

  it(`${verifies('P12')} asks nothing if it reads, or writes and has no question`, () => {
    const { confirmations } = confirmationsOf()
    const reading = defineTool()({ ...BARE_DEFINITION, effect: 'read' })
    const writing = defineWriteTool()({ ...BARE_DEFINITION, effect: 'reversible' })
    expect(confirmations.of(reading, request)).toBeUndefined()
    expect(confirmations.of(writing, request)).toBeUndefined()
  })

  it.each(['reversible', 'irreversible'] as const)(
    `${verifies('P12')} asks its question, about what its guard returned, if it has one: %s`,
    async effect => {
      const { confirmations } = confirmationsOf()
      const tool = defineWriteTool()({
        ...BARE_DEFINITION,
        effect,
        guard: () => 'it' as string,
        confirm: subject => `Do ${subject}?`,
        digest: subject => `digest of ${subject}`,
      })
      const confirmation = confirmations.of(tool, request)
      expect(confirmation?.digest('that')).toBe('digest of that')
      expect(await confirmation?.ask({}, 'that')).toMatchObject({
        reply: { inputRequests: { confirm: { params: { message: 'Do that?' } } } },
      })
    },
  )
})

describe('an answer', () => {
  const answers: readonly [string, unknown, object][] = [
    ['a decline', { action: 'decline' }, DECLINED],
    ['a cancel', { action: 'cancel' }, DECLINED],
    ['a decline with a tick', { action: 'decline', content: { confirm: true } }, DECLINED],
    ['no tick', { action: 'accept', content: { confirm: false } }, DECLINED],
    ['the word true', { action: 'accept', content: { confirm: 'true' } }, DECLINED],
    ['the number one', { action: 'accept', content: { confirm: 1 } }, DECLINED],
    ['a list with true in it', { action: 'accept', content: { confirm: [true] } }, DECLINED],
    ['no content', { action: 'accept' }, DECLINED],
    ['content that is null', { action: 'accept', content: null }, DECLINED],
    ['a tick by inheritance', { action: 'accept', content: { ['__proto__']: { confirm: true } } }, DECLINED],
    ['nothing', undefined, INVALID],
    ['null', null, INVALID],
    ['true', true, INVALID],
    ['another action', { action: 'yes', content: { confirm: true } }, INVALID],
    ['content that is a list', { action: 'accept', content: [{ confirm: true }] }, INVALID],
  ]

  it.each(answers)(`${verifies('P12')} is no yes in the modern era: %s`, async (_, answer, failure) => {
    const { mint, redeem } = confirmationsOf()
    const state = await mint()
    await expect(redeem(state, questionOf(), { confirm: answer })).rejects.toMatchObject(failure)
    // It has used up the question all the same.
    await expect(redeem(state)).rejects.toMatchObject(INVALID)
  })

  it.each(answers)(`${verifies('P12')} is no yes in the legacy era: %s`, async (_, answer, failure) => {
    const { ask } = confirmationsOf()
    await expect(
      ask(
        'legacy',
        contextOf({}, () => answer),
      ),
    ).rejects.toMatchObject(failure)
  })

  it(`${verifies('P12')} does not count under another name`, async () => {
    const { mint, redeem } = confirmationsOf()
    for (const responses of [{ Confirm: YES }, { ok: YES }, [YES], {}, null])
      await expect(redeem(await mint(), questionOf(), responses)).rejects.toMatchObject(INVALID)
  })
})

describe('what a client declares', () => {
  it.each([undefined, null, false, true, 'form', 1, { url: {} }, { url: {}, other: {} }])(
    `${verifies('P12')} asks nobody if it is %j`,
    async elicitation => {
      const { ask } = confirmationsOf()
      const sent: Sent[] = []
      const context = contextOf({}, asked => {
        sent.push(asked)
        return YES
      })
      for (const era of ['legacy', 'modern'] as const)
        await expect(ask(era, context, questionOf(), { elicitation })).rejects.toMatchObject({
          code: 'CONFIRMATION_UNAVAILABLE',
          message: expect.stringContaining('this client cannot ask'),
        })
      expect(sent).toEqual([])
    },
  )

  it.each([{}, { form: {} }, { form: {}, url: {} }])('lets the human be asked if it is %j', async elicitation => {
    const { ask } = confirmationsOf()
    const context = contextOf({}, () => YES)
    expect(await ask('legacy', context, questionOf(), { elicitation })).toBe('accepted')
    expect(await ask('modern', context, questionOf(), { elicitation })).toHaveProperty('reply')
  })

  it(`${verifies('P12')} does not matter once the answer is there`, async () => {
    const { mint, ask } = confirmationsOf()
    const context = contextOf({ inputResponses: { confirm: YES }, requestState: await mint() })
    expect(await ask('modern', context, questionOf(), { elicitation: undefined })).toBe('accepted')
  })
})

describe('a question', () => {
  it.each(['legacy', 'modern'] as const)(
    `${verifies('P12')} is on record before it is asked, and not asked if it cannot be recorded: %s era`,
    async era => {
      const { ask } = confirmationsOf()
      const told: boolean[] = []
      const sent: Sent[] = []
      const context = contextOf({}, asked => {
        sent.push(asked)
        return YES
      })
      const { call } = callOf(CALLER, ends => {
        expect(sent).toEqual([])
        told.push(ends)
      })
      await ask(era, context, questionOf({ call }))
      expect(told).toEqual([era === 'modern'])
      expect(sent).toHaveLength(era === 'modern' ? 0 : 1)

      const unwritable = callOf(CALLER, () => {
        throw new AuditUnavailableError('full')
      })
      sent.length = 0
      await expect(ask(era, context, questionOf({ call: unwritable.call }))).rejects.toThrow('full')
      expect(sent).toEqual([])
    },
  )
})
