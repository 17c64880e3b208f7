import { describe, expect, it } from 'vitest'
import { type Copy, confirmationsOf, contextOf, DECLINED, INVALID, questionOf, YES } from './question.ts'

/** What counts as a yes, in both eras. */
export function describeAnswers(copy: Copy): void {
  const confirmations = (change?: Parameters<typeof confirmationsOf>[1]) => confirmationsOf(copy, change)

  describe('an answer', () => {
    const answers: readonly [string, unknown, object][] = [
      ['a decline', { action: 'decline' }, DECLINED],
      ['a cancel', { action: 'cancel' }, DECLINED],
      ['a decline that ticks', { action: 'decline', content: { confirm: true } }, DECLINED],
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

    it.each(answers)(`${verifies('P12')} is no yes in the later era: %s`, async (_, answer, failure) => {
      const { mint, redeem } = confirmations()
      const state = await mint()
      await expect(redeem(state, questionOf(), { confirm: answer })).rejects.toMatchObject(failure)
      // It was the answer, all the same: there is no second.
      await expect(redeem(state)).rejects.toMatchObject(INVALID)
    })

    it.each(answers)(`${verifies('P12')} is no yes in the earlier era: %s`, async (_, answer, failure) => {
      const { asker } = confirmations()
      const asked = asker(
        'legacy',
        contextOf({}, () => answer),
      ).ask(questionOf())
      await expect(asked).rejects.toMatchObject(failure)
    })

    it(`${verifies('P12')} under another name is none`, async () => {
      const { mint, redeem } = confirmations()
      for (const responses of [{ Confirm: YES }, { ok: YES }, [YES], {}, null])
        await expect(redeem(await mint(), questionOf(), responses)).rejects.toMatchObject(INVALID)
    })
  })
}
