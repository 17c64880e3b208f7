import { randomBytes } from 'node:crypto'
import { AuditUnavailableError, type Caller } from '@narrow-deputies/guardrails/audit'
import { describe, expect, it } from 'vitest'
import {
  type Asked,
  CALLER,
  type Copy,
  callOf,
  confirmationsOf,
  contextOf,
  INVALID,
  MINUTE,
  type Question,
  questionOf,
  type SingleUse,
  YES,
} from './question.ts'

/** Where a question ends the call, and the answer comes with another one. */
export function describeLaterEra(copy: Copy): void {
  const confirmations = (change?: Parameters<typeof confirmationsOf>[1]) => confirmationsOf(copy, change)

  describe('a question in the later era', () => {
    it(`${verifies('P12')} asks for one tick, off by default, and comes back with a sealed state`, async () => {
      const { asker } = confirmations()
      const answer = await asker('modern', contextOf()).ask(questionOf())
      expect(answer).toMatchObject({
        reply: {
          inputRequests: {
            confirm: {
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
            },
          },
          requestState: expect.stringMatching(/^[\w-]+\.[\w-]{43}$/),
        },
      })
    })

    it(`${verifies('P12')} is accepted with its state, for the same question, and continues its trace`, async () => {
      const { mint, redeem } = confirmations()
      const { call, traces } = callOf()
      expect(await redeem(await mint(), questionOf({ call }))).toBe('accepted')
      expect(traces).toEqual(['ab'.repeat(16)])
    })

    it(`${verifies('P12')} is on record before it is asked, and not asked if it cannot be recorded`, async () => {
      const { asker } = confirmations()
      for (const era of ['legacy', 'modern'] as const) {
        const told: boolean[] = []
        const sent: Asked[] = []
        const send = (asked: Asked) => {
          sent.push(asked)
          return YES
        }
        const { call } = callOf(CALLER, ends => {
          expect(sent).toEqual([])
          told.push(ends)
        })
        await asker(era, contextOf({}, send)).ask(questionOf({ call }))
        expect(told).toEqual([era === 'modern'])

        const unwritable = callOf(CALLER, () => {
          throw new AuditUnavailableError('full')
        })
        sent.length = 0
        await expect(asker(era, contextOf({}, send)).ask(questionOf({ call: unwritable.call }))).rejects.toThrow('full')
        expect(sent).toEqual([])
      }
    })

    it.each<[string, Partial<Question>]>([
      ['another tool', { tool: 'doAll' }],
      ['another argument', { args: { name: 'that' } }],
      ['one more argument', { args: { name: 'it', force: true } }],
      ['no arguments', { args: {} }],
      ['other content', { digest: 'd2' }],
      ['no content', { digest: '' }],
      ['content moved into the arguments', { args: [{ name: 'it' }, 'd1'], digest: '' }],
      ['another user', { call: callOf({ ...CALLER, id: '1001:bob' }).call }],
      ['another host', { call: callOf({ ...CALLER, host: 'other' }).call }],
      ['another kind of caller', { call: callOf({ ...CALLER, kind: 'oauth' }).call }],
    ])(`${verifies('P12')} has an answer of no use for %s`, async (_, change) => {
      const { mint, redeem } = confirmations()
      const state = await mint()
      await expect(redeem(state, questionOf(change))).rejects.toMatchObject(INVALID)
      // Which did not use it up.
      expect(await redeem(state)).toBe('accepted')
    })

    it(`${verifies('P12')} has an answer of no use for another person, nor for the same one's other program`, async () => {
      const { mint, redeem } = confirmations()
      const remote: Caller = { kind: 'oauth', id: 'ann', host: '192.0.2.1', clientId: 'c1' }
      const asked = await mint(questionOf({ call: callOf(remote).call }))
      for (const other of [
        { ...remote, id: 'bob' },
        { ...remote, clientId: 'c2' },
        { ...remote, kind: 'os' as const },
      ])
        await expect(redeem(asked, questionOf({ call: callOf(other).call }))).rejects.toMatchObject(INVALID)
      // She may have gone from the office to the train meanwhile.
      const elsewhere = callOf({ ...remote, host: '198.51.100.7' }).call
      expect(await redeem(asked, questionOf({ call: elsewhere }))).toBe('accepted')
    })

    it('is the same question in another wording, from another version of the client', async () => {
      const { mint, redeem } = confirmations()
      const call = callOf({ ...CALLER, client: { name: 'host', version: '2' } }).call
      expect(await redeem(await mint(), questionOf({ text: 'Really?', call }))).toBe('accepted')
    })

    it(`${verifies('P12')} stands for five minutes`, async () => {
      const { clock, mint, redeem } = confirmations()
      const [soon, late, later] = [await mint(), await mint(), await mint()]
      clock.now += 5 * MINUTE - 1
      expect(await redeem(soon)).toBe('accepted')
      clock.now += 1
      await expect(redeem(late)).rejects.toMatchObject(INVALID)
      clock.now += 365 * 24 * 60 * MINUTE
      await expect(redeem(later)).rejects.toMatchObject(INVALID)
      // A use is remembered for as long as its state could be used again.
      await expect(redeem(soon)).rejects.toMatchObject(INVALID)
    })

    it(`${verifies('P12')} is answered once, however often at the same time`, async () => {
      const { mint, redeem } = confirmations()
      const state = await mint()
      const answers = await Promise.allSettled(Array.from({ length: 50 }, () => redeem(state)))
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      await expect(redeem(state)).rejects.toMatchObject(INVALID)
    })

    it(`${verifies('P12')} is not answered where nobody can tell whether it was before`, async () => {
      const broken: SingleUse = { open: async () => {}, claim: () => Promise.reject(new Error('the store is down')) }
      const { mint, redeem } = confirmations({ singleUse: broken })
      await expect(redeem(await mint())).rejects.toMatchObject({ code: 'CONFIRMATION_UNAVAILABLE' })
      const full: SingleUse = { open: async () => {}, claim: () => Promise.resolve(false) }
      const refusing = confirmations({ singleUse: full })
      await expect(refusing.redeem(await refusing.mint())).rejects.toMatchObject(INVALID)
    })

    it(`${verifies('P12')} is answered on its person’s one account, whichever of their programs they use`, async () => {
      const owners: string[] = []
      const noting: SingleUse = {
        open: async () => {},
        claim: async (_, __, owner) => owners.push(owner) > 0,
      }
      const { mint, redeem } = confirmations({ singleUse: noting })
      for (const clientId of ['desktop', 'phone']) {
        const question = questionOf({ call: callOf({ ...CALLER, kind: 'oauth', clientId }).call })
        expect(await redeem(await mint(question), question)).toBe('accepted')
      }
      expect(new Set(owners).size).toBe(1)
    })

    it(`${verifies('P12')} is not asked where its answer could not be told from a repeated one`, async () => {
      const broken: SingleUse = { open: () => Promise.reject(new Error('the store is down')), claim: async () => true }
      const asked: boolean[] = []
      const { call } = callOf(CALLER, ends => asked.push(ends))
      const { mint } = confirmations({ singleUse: broken })
      await expect(mint(questionOf({ call }))).rejects.toMatchObject({ code: 'CONFIRMATION_UNAVAILABLE' })
      expect(asked).toEqual([])
    })

    it(`${verifies('P12')} is of no use under another key, and of use under the same one elsewhere`, async () => {
      const key = randomBytes(32)
      const [here, there, stranger] = [confirmations({ key }), confirmations({ key }), confirmations()]
      const state = await here.mint()
      await expect(stranger.redeem(state)).rejects.toMatchObject(INVALID)
      expect(await there.redeem(state)).toBe('accepted')
    })

    it(`${verifies('P12')} has a state of its own each time, short whatever is asked about`, async () => {
      const { mint } = confirmations()
      const huge = questionOf({ args: { description: 'd'.repeat(1_000_000) }, digest: 'd'.repeat(1_000_000) })
      const states = new Set(await Promise.all(Array.from({ length: 100 }, () => mint(huge))))
      expect(states.size).toBe(100)
      for (const state of states) expect(state.length).toBeLessThan(2048)
    })

    it.each([
      undefined,
      null,
      '',
      '.',
      '..',
      'W10.',
      '.AAAA',
      1,
      true,
      {},
      [],
      ['a.b'],
      'A'.repeat(2049),
      'é'.repeat(2048),
      '\ud800.\udfff',
      '\u0000',
    ])(`${verifies('P12')} has no answer in the state %j`, async state => {
      const { redeem } = confirmations()
      await expect(redeem(state)).rejects.toMatchObject(INVALID)
    })

    it(`${verifies('P12')} has no answer in a state with any bit flipped`, async () => {
      const { mint, redeem } = confirmations()
      const state = await mint()
      for (let place = 0; place < state.length; place += 1)
        for (let bit = 0; bit < 7; bit += 1) {
          const flipped = String.fromCharCode(state.charCodeAt(place) ^ (1 << bit))
          const edited = `${state.slice(0, place)}${flipped}${state.slice(place + 1)}`
          await expect(redeem(edited), `bit ${bit} of character ${place}`).rejects.toMatchObject(INVALID)
        }
      expect(await redeem(state)).toBe('accepted')
    })
  })
}
