import { describe, expect, it } from 'vitest'
import { type CalledTool, openCallDiary } from '../../test/call/call-diary.ts'
import { CodedError } from './errors.ts'

const TOOLS = [
  { effect: 'read', asks: false, confirmed: 'none', happened: 'The result is withheld.' },
  { effect: 'reversible', asks: false, confirmed: 'none', happened: 'It was carried out: do not repeat it.' },
  { effect: 'reversible', asks: true, confirmed: 'elicited', happened: 'It was carried out: do not repeat it.' },
  { effect: 'irreversible', asks: false, confirmed: 'waived', happened: 'It was carried out: do not repeat it.' },
  { effect: 'irreversible', asks: true, confirmed: 'elicited', happened: 'It was carried out: do not repeat it.' },
] as const

const FAULT = new Error('at /secret/path with key hunter2')

function throwFault(): never {
  throw FAULT
}

describe.each(TOOLS)(
  'a call of a tool with effect $effect (asks the human: $asks)',
  ({ effect, asks, confirmed, happened }) => {
    const setUp = (change: Partial<CalledTool> = {}) => openCallDiary({ effect, asks, ...change })
    const before = asks ? ['guard', 'ask', 'guard'] : ['guard']

    it(`${verifies('P8')} does not reach the handler if its intent cannot be recorded`, async () => {
      const { call, diary, unwritable, faults } = setUp()
      unwritable.add('intent').add('denied')
      expect(await call()).toMatchObject({
        kind: 'failed',
        error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining('Nothing was done.') },
      })
      expect(diary).toEqual(before)
      expect(faults).toEqual([])
    })

    it(`${verifies('P8')} is recorded as denied if its intent cannot be recorded but a refusal can`, async () => {
      const { call, diary, unwritable, records } = setUp()
      unwritable.add('intent')
      expect(await call()).toMatchObject({
        kind: 'failed',
        error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining('Nothing was done.') },
      })
      expect(diary).toEqual([...before, 'recorded denied'])
      expect(records()).toMatchObject([
        { event: 'denied', error: { code: 'AUDIT_UNAVAILABLE' }, confirmation: confirmed },
      ])
    })

    it(`${verifies('P8')} does not give the reason for a refusal that cannot be recorded`, async () => {
      const { call, unwritable } = setUp()
      unwritable.add('denied')
      expect(await call({})).toMatchObject({
        kind: 'failed',
        error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining('Nothing was done.') },
      })
    })

    it(`${verifies('P8')} gives no result if its outcome cannot be recorded, and says what happened`, async () => {
      const { call, diary, unwritable } = setUp()
      unwritable.add('outcome')
      const ending = await call()
      expect(ending).toMatchObject({
        kind: 'failed',
        error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining(happened) },
      })
      expect(ending).not.toHaveProperty('output')
      expect(diary.at(-1)).toBe('handler it')
    })

    it.each([
      ['BACKEND_UNAVAILABLE', 'The backend is down.'],
      ['OUTCOME_UNKNOWN', 'This may or may not have been done.'],
    ] as const)(
      `${verifies('P8')} gives the message of %s if the handler fails and that cannot be recorded`,
      async (code, message) => {
        const { call, unwritable } = setUp({
          async handler() {
            throw new CodedError(code, message)
          },
        })
        unwritable.add('outcome')
        expect(await call()).toMatchObject({
          kind: 'failed',
          error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining(message) },
        })
      },
    )

    it.each<[string, Partial<CalledTool>, string]>([
      ['guard', { guard: throwFault }, 'denied'],
      ['handler', { handler: () => Promise.reject(FAULT) }, 'outcome'],
      ...(asks ? ([['digest', { digest: throwFault }, 'denied']] as [string, Partial<CalledTool>, string][]) : []),
    ])(
      `${verifies('P7', 'P16')} is recorded if the %s fails unexpectedly, and only the operator learns the reason`,
      async (_, change, event) => {
        const { call, faults, records } = setUp(change)
        const ending = await call()
        expect(ending).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL' } })
        expect(JSON.stringify([ending, records()])).not.toMatch(/secret|hunter2/)
        expect(faults).toEqual([FAULT])
        expect(records().at(-1)).toMatchObject({ event, error: { code: 'INTERNAL' } })
      },
    )

    it.each([[{ done: 'x'.repeat(10) }], [{ done: 'it', extra: 1 }], [{}], [undefined], [null], ['it']])(
      `${verifies('P7', 'P17')} withholds a result that breaks its schema, and records that the handler ran: %j`,
      async result => {
        const { call, faults, diary, records } = setUp({ handler: async () => result as { done: string } })
        expect(await call()).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL' } })
        expect(faults).toHaveLength(1)
        expect(diary.slice(-3)).toEqual(['recorded intent', 'handler it', 'recorded outcome'])
        expect(records().at(-1)).not.toHaveProperty('result')
      },
    )

    it('passes on what the backend says as it is, and does not trouble the operator', async () => {
      const { call, faults, records } = setUp({
        async handler() {
          throw new CodedError('RATE_LIMITED', 'Wait.', { retryAfterSeconds: 7 })
        },
      })
      expect(await call()).toMatchObject({ error: { code: 'RATE_LIMITED', message: 'Wait.', retryAfterSeconds: 7 } })
      expect(faults).toEqual([])
      expect(records().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'RATE_LIMITED', message: 'Wait.' } })
    })

    it('throws if the log fails in another way than by being unavailable', async () => {
      const { call, failing } = setUp()
      failing.add('outcome')
      await expect(call()).rejects.toThrow('the log is broken')
    })
  },
)
