import { describe, expect, it } from 'vitest'
import {
  type Asked,
  CALLER,
  type Copy,
  callOf,
  confirmationsOf,
  contextOf,
  DECLINED,
  INVALID,
  MINUTE,
  questionOf,
  YES,
} from './question.ts'

/** Where the client is asked within the call. */
export function describeEarlierEra(copy: Copy): void {
  const confirmations = (change?: Parameters<typeof confirmationsOf>[1]) => confirmationsOf(copy, change)

  describe('a question in the earlier era', () => {
    it(`${verifies('P12')} is put to the client within the call, and waits no longer than it would stand`, async () => {
      const { asker } = confirmations()
      const sent: Asked[] = []
      const context = contextOf({}, asked => {
        sent.push(asked)
        return YES
      })
      expect(await asker('legacy', context).ask(questionOf())).toBe('accepted')
      expect(sent).toMatchObject([
        {
          params: { message: 'Do it?', requestedSchema: { required: ['confirm'] } },
          options: { timeout: 5 * MINUTE },
        },
      ])
      // Cancelling the call withdraws the question.
      expect(sent[0]?.options.signal).toBe(context.mcpReq.signal)
    })

    it(`${verifies('P12')} that is not answered is declined`, async () => {
      const { asker } = confirmations()
      const context = contextOf({}, () => {
        throw new Error('timed out')
      })
      await expect(asker('legacy', context).ask(questionOf())).rejects.toMatchObject(DECLINED)
    })

    it(`${verifies('P12')} has no answer that came with the call, not even one that the later era would take`, async () => {
      const { asker, mint } = confirmations()
      const silent = () => {
        throw new Error('nobody was to be asked')
      }
      for (const request of [
        { inputResponses: { confirm: YES } },
        { requestState: 'W10.AAAA' },
        { inputResponses: null },
      ]) {
        const asking = asker('legacy', contextOf(request, silent))
        expect(asking.answered).toBe(true)
        await expect(asking.ask(questionOf())).rejects.toMatchObject(INVALID)
      }
      expect(asker('legacy', contextOf()).answered).toBe(false)
      const state = await mint()
      const other = questionOf({ call: callOf({ ...CALLER, id: '1001:bob' }).call })
      const context = contextOf({ inputResponses: { confirm: YES }, requestState: state }, silent)
      await expect(asker('legacy', context).ask(other)).rejects.toMatchObject(INVALID)
    })
  })

  describe('what a client declares', () => {
    it.each([undefined, null, false, true, 'form', 1, { url: {} }, { url: {}, other: {} }])(
      `${verifies('P12')} cannot ask with %j`,
      async declared => {
        const { asker } = confirmations()
        const context = contextOf({}, () => YES)
        for (const era of ['legacy', 'modern'] as const)
          await expect(asker(era, context, { declared }).ask(questionOf())).rejects.toMatchObject({
            code: 'CONFIRMATION_UNAVAILABLE',
          })
      },
    )

    it.each([{}, { form: {} }, { form: {}, url: {} }])('can ask with %j', async declared => {
      const { asker } = confirmations()
      const context = contextOf({}, () => YES)
      expect(await asker('legacy', context, { declared }).ask(questionOf())).toBe('accepted')
    })
  })

  describe('a question that stands open while the process stops', () => {
    it(`${verifies('P12')} is withdrawn, and its call may come again`, async () => {
      const stopping = new AbortController()
      const { asker } = confirmations({ stopping: stopping.signal })
      const untilWithdrawn = ({ options: { signal } }: Asked) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('withdrawn'))))
      const answer = asker('legacy', contextOf({}, untilWithdrawn)).ask(questionOf())
      setImmediate(() => stopping.abort())
      await expect(answer).rejects.toMatchObject({ code: 'CONFIRMATION_UNAVAILABLE' })
    })
  })
}
