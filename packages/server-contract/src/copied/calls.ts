import { describe, expect, it } from 'vitest'
import type { BackendCall } from './backend-call.ts'
import { type Change, type Copy, openDiary } from './call-diary.ts'

/** What every copy of `call-tool.ts` has to prove, whether or not it ever asks a human. */
export function describeCalls(copy: Copy): void {
  const { CodedError, effects } = copy
  const [effect] = effects
  const asks = effect === 'irreversible'
  /** What comes before the record. */
  const before = asks ? ['guard', 'ask', 'guard'] : ['guard']
  const setUp = (change?: Change) => openDiary(copy, change)

  describe('a call', () => {
    it(`${verifies('P7', 'P8')} goes from the guard onto the record, and only then to the handler`, async () => {
      const { call, diary, records } = setUp()
      expect(await call()).toEqual({ kind: 'done', output: { done: 'it' } })
      expect(diary).toEqual([...before, 'recorded intent', 'handler it', 'recorded outcome'])
      const confirmation = asks ? 'elicited' : 'none'
      expect(records()).toMatchObject([
        { event: 'intent', confirmation, args: { name: 'it' }, effect },
        { event: 'outcome', confirmation, result: { done: 'it' } },
      ])
    })

    it(`${verifies('P7')} hands on who calls and under which trace`, async () => {
      const calls: BackendCall[] = []
      const { call, records, controller } = setUp({
        async handler(subject, _, backendCall) {
          calls.push(backendCall)
          return { done: subject }
        },
      })
      await call()
      const [intent] = records()
      expect(calls).toEqual([
        {
          signal: controller.signal,
          callId: intent?.callId,
          callerId: 'os:1000:ann@desk',
          traceparent: expect.stringMatching(new RegExp(`^00-${intent?.trace?.traceId}-[0-9a-f]{16}-01$`)),
        },
      ])
    })

    it.each<[string, unknown]>([
      ['unknown arguments', { name: 'it', extra: 1 }],
      ['too long', { name: 'x'.repeat(10) }],
      ['of another type', { name: 7 }],
      ['missing', {}],
      ['nothing', null],
      ['a list', []],
    ])(`${verifies('P2', 'P7')} with arguments that are wrong (%s) reaches not even the guard`, async (_, args) => {
      const { call, diary, records } = setUp()
      expect(await call(args)).toMatchObject({ kind: 'failed', error: { code: 'INVALID_INPUT' } })
      expect(diary).toEqual(['recorded denied'])
      expect(records()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' }, confirmation: 'none' }])
    })

    it(`${verifies('P2', 'P3')} that the guard refuses goes no further, and asks nobody`, async () => {
      for (const code of ['NOT_FOUND', 'NOT_A_DRAFT'] as const) {
        const { call, diary } = setUp({
          guard: () => {
            throw new CodedError(code, 'no')
          },
        })
        expect(await call()).toMatchObject({ kind: 'failed', error: { code } })
        expect(diary).toEqual(['recorded denied'])
      }
    })

    it(`${verifies('P12')} has nothing to answer where nothing is asked`, async () => {
      for (const [confirm, mustAsk] of [
        [undefined, true],
        [() => 'Do it?', false],
      ] as const) {
        const { call, diary, askerOf } = setUp({ effect: asks ? 'reversible' : effect, confirm } as Change)
        const end = await call({ name: 'it' }, { asker: askerOf(() => 'accepted', true), mustAsk })
        expect(end).toMatchObject({ error: { code: 'CONFIRMATION_INVALID' } })
        expect(diary).toEqual(['recorded denied'])
      }
    })
  })

  describe('a call by somebody whose scopes are known', () => {
    it.each([[''], ['things:dos'], ['things:d'], ['THINGS:DO'], ['x:things:do']])(
      `${verifies('P15')} goes no further than its arguments with the scope “%s”`,
      async scope => {
        const { call, diary, records } = setUp()
        const scopes = new Set([scope])
        expect(await call({ name: 'it' }, { scopes })).toMatchObject({ kind: 'failed', error: { code: 'FORBIDDEN' } })
        expect(diary).toEqual(['recorded denied'])
        expect(records()).toMatchObject([{ event: 'denied', error: { code: 'FORBIDDEN' } }])
      },
    )

    it('is served with the one that it needs', async () => {
      const { call } = setUp()
      const scopes = new Set(['other', 'things:do'])
      expect(await call({ name: 'it' }, { scopes })).toMatchObject({ kind: 'done' })
    })
  })

  describe('a call that is cancelled', () => {
    it(`${verifies('P7')} before the handler does nothing`, async () => {
      const { call, diary, controller } = setUp()
      controller.abort()
      expect(await call()).toMatchObject({ error: { code: 'CANCELLED' } })
      expect(diary).toEqual([...before, 'recorded denied'])
    })

    it(`${verifies('P7')} in the handler is on record as that, with what is known of it`, async () => {
      for (const [code, message] of [
        ['BACKEND_UNAVAILABLE', 'The backend is down.'],
        ['OUTCOME_UNKNOWN', 'This may or may not have been done.'],
      ] as const) {
        const { call, controller, records } = setUp({
          async handler() {
            controller.abort()
            throw new CodedError(code, message)
          },
        })
        const error = { code: 'CANCELLED', message }
        expect(await call()).toMatchObject({ kind: 'failed', error })
        expect(records().at(-1)).toMatchObject({ event: 'outcome', error })
      }
    })

    it('too late is done all the same', async () => {
      const { call, controller } = setUp({
        async handler(subject) {
          controller.abort()
          return { done: subject }
        },
      })
      expect(await call()).toEqual({ kind: 'done', output: { done: 'it' } })
    })
  })

  describe('a call that cannot be recorded', () => {
    it(`${verifies('P8')} before the handler does not reach it`, async () => {
      const { call, diary, unwritable } = setUp()
      unwritable.add('intent').add('denied')
      expect(await call()).toMatchObject({
        kind: 'failed',
        error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining('Nothing was done.') },
      })
      expect(diary).toEqual(before)
    })

    it(`${verifies('P8')} as a refusal says that, and not why it was refused`, async () => {
      const { call, unwritable } = setUp()
      unwritable.add('denied')
      expect(await call({})).toMatchObject({ error: { code: 'AUDIT_UNAVAILABLE' } })
    })

    it.each(effects)(`${verifies('P8')} after the handler says how it stands, and gives no result: %s`, async kind => {
      const { call, diary, unwritable } = setUp({ effect: kind })
      unwritable.add('outcome')
      const text = kind === 'read' ? 'The result is withheld.' : 'It was carried out: do not repeat it.'
      const end = await call()
      expect(end).toMatchObject({
        kind: 'failed',
        error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining(text) },
      })
      expect(diary.at(-1)).toBe('handler it')
    })

    it(`${verifies('P8')} after the handler failed says what is known of that`, async () => {
      for (const [code, message] of [
        ['BACKEND_UNAVAILABLE', 'The backend is down.'],
        ['OUTCOME_UNKNOWN', 'This may or may not have been done.'],
      ] as const) {
        const { call, unwritable } = setUp({
          async handler() {
            throw new CodedError(code, message)
          },
        })
        unwritable.add('outcome')
        expect(await call()).toMatchObject({
          error: { code: 'AUDIT_UNAVAILABLE', message: expect.stringContaining(message) },
        })
      }
    })
  })

  describe('a fault that nobody foresaw', () => {
    const fault = new Error('at /secret/path with key hunter2')
    const thrown = () => {
      throw fault
    }

    it.each<[string, Change, string]>([
      ['in the guard', { guard: thrown }, 'denied'],
      ...(asks ? [['in the question', { confirm: thrown }, 'denied'] as [string, Change, string]] : []),
      ['in the handler', { handler: () => Promise.reject(fault) }, 'outcome'],
    ])(`${verifies('P7', 'P16')} %s is told to the operator alone, and recorded`, async (_, change, event) => {
      const { call, faults, records } = setUp(change)
      const end = await call()
      expect(end).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL' } })
      expect(JSON.stringify([end, records()])).not.toMatch(/secret|hunter2/)
      expect(faults).toEqual([fault])
      expect(records().at(-1)).toMatchObject({ event, error: { code: 'INTERNAL' } })
    })

    it(`${verifies('P7', 'P17')} is a result that breaks its schema: it is not passed on, and the call is on record as run`, async () => {
      for (const result of [{ done: 'x'.repeat(10) }, { done: 'it', extra: 1 }, {}, undefined, null, 'it']) {
        const { call, faults, diary } = setUp({ handler: async () => result as { done: string } })
        expect(await call()).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL' } })
        expect(faults).toHaveLength(1)
        expect(diary.slice(-2)).toEqual(['recorded intent', 'recorded outcome'])
      }
    })

    it('is not what the backend says: that is passed on as it is', async () => {
      const { call, faults, records } = setUp({
        async handler() {
          throw new CodedError('RATE_LIMITED', 'Wait.', { retryAfterSeconds: 7 })
        },
      })
      expect(await call()).toMatchObject({ error: { code: 'RATE_LIMITED', message: 'Wait.', retryAfterSeconds: 7 } })
      expect(faults).toEqual([])
      expect(records().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'RATE_LIMITED', message: 'Wait.' } })
    })
  })
}
