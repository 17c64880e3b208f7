import { describe, expect, it } from 'vitest'
import { type Change, type Copy, openDiary } from './call-diary.ts'

/** What the copies of `call-tool.ts` of servers that ask a human have to prove besides. */
export function describeAskingCalls(copy: Copy): void {
  const { CodedError } = copy
  const setUp = (change?: Change) => openDiary(copy, change)

  describe('a call', () => {
    it(`${verifies('P3', 'P7', 'P8', 'P12')} goes from guard to question, back to the guard, onto the record, and only then to the handler`, async () => {
      const { call, diary, records, questions } = setUp()
      expect(await call()).toEqual({ kind: 'done', output: { done: 'it' } })
      expect(diary).toEqual(['guard', 'ask', 'guard', 'recorded intent', 'handler it', 'recorded outcome'])
      expect(questions).toMatchObject([
        {
          tool: 'doIt',
          args: { name: 'it' },
          digest: 'digest of it',
          text: 'Do it?',
          call: { callId: expect.any(String) },
        },
      ])
      expect(records()).toMatchObject([
        { event: 'intent', confirmation: 'elicited', args: { name: 'it' }, effect: 'irreversible' },
        { event: 'outcome', confirmation: 'elicited', result: { done: 'it' } },
      ])
    })

    it(`${verifies('P12')} that ends by asking does nothing more`, async () => {
      const { call, diary, askerOf, records } = setUp()
      const end = await call({ name: 'it' }, { asker: askerOf(() => ({ reply: 'asked' })) })
      expect(end).toEqual({ kind: 'asked', reply: 'asked' })
      expect(diary).toEqual(['guard', 'ask'])
      expect(records()).toEqual([])
    })

    it(`${verifies('P12')} that is declined is on record as declined, and one that was answered wrongly is not`, async () => {
      for (const [code, confirmation] of [
        ['CONFIRMATION_DECLINED', 'declined'],
        ['CONFIRMATION_INVALID', 'none'],
      ] as const) {
        const { call, diary, askerOf, records } = setUp()
        const asker = askerOf(() => {
          throw new CodedError(code, 'no')
        })
        expect(await call({ name: 'it' }, { asker })).toMatchObject({ kind: 'failed', error: { code } })
        expect(diary).toEqual(['guard', 'ask', 'recorded denied'])
        expect(records()).toMatchObject([{ event: 'denied', confirmation }])
      }
    })

    it(`${verifies('P3', 'P12')} is void if the content changed while the human was asked`, async () => {
      let content = 'shown'
      const { call, diary, askerOf, records } = setUp({ digest: () => content })
      const asker = askerOf(() => {
        content = 'changed'
        return 'accepted'
      })
      expect(await call({ name: 'it' }, { asker })).toMatchObject({ error: { code: 'CONFIRMATION_INVALID' } })
      expect(diary).toEqual(['guard', 'ask', 'guard', 'recorded denied'])
      expect(records()).toMatchObject([{ event: 'denied', confirmation: 'elicited' }])
    })

    it(`${verifies('P3')} acts on what the guard made last`, async () => {
      let reads = 0
      const { call } = setUp({
        guard: () => {
          reads += 1
          return `read ${reads}`
        },
        digest: () => 'the same',
      })
      expect(await call()).toEqual({ kind: 'done', output: { done: 'read 2' } })
    })

    it(`${verifies('P12')} asks nobody where the operator wants nobody asked, and says so if it is irreversible`, async () => {
      for (const [effect, confirmation] of [
        ['irreversible', 'waived'],
        ['reversible', 'none'],
        ['read', 'none'],
      ] as const) {
        const { call, diary, records } = setUp({ effect })
        await call({ name: 'it' }, { mustAsk: false })
        expect(diary).toEqual(['guard', 'recorded intent', 'handler it', 'recorded outcome'])
        expect(records()).toMatchObject([
          { event: 'intent', confirmation },
          { event: 'outcome', confirmation },
        ])
      }
    })
  })

  describe('a call that is cancelled', () => {
    it(`${verifies('P7')} while the human is asked does nothing`, async () => {
      const { call, diary, controller, askerOf } = setUp()
      const asker = askerOf(() => {
        controller.abort()
        return 'accepted'
      })
      expect(await call({ name: 'it' }, { asker })).toMatchObject({ error: { code: 'CANCELLED' } })
      expect(diary).toEqual(['guard', 'ask', 'guard', 'recorded denied'])
    })
  })
}
