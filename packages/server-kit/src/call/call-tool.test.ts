import { describe, expect, it } from 'vitest'
import { type CalledTool, openCallDiary } from '../../test/call/call-diary.ts'
import { CodedError } from './errors.ts'
import type { CallContext } from './tool.ts'

const TOOLS = [
  { effect: 'read', asks: false, confirmed: 'none' },
  { effect: 'reversible', asks: false, confirmed: 'none' },
  { effect: 'reversible', asks: true, confirmed: 'elicited' },
  { effect: 'irreversible', asks: false, confirmed: 'waived' },
  { effect: 'irreversible', asks: true, confirmed: 'elicited' },
] as const

describe.each(TOOLS)('a call of a tool with effect $effect (asks the human: $asks)', ({ effect, asks, confirmed }) => {
  const setUp = (change: Partial<CalledTool> = {}) => openCallDiary({ effect, asks, ...change })
  /** What happens before the record of intent. */
  const before = asks ? ['guard', 'ask', 'guard'] : ['guard']

  it(`${verifies('P7', 'P8')} is guarded, then recorded, and only then handled`, async () => {
    const { call, diary, records } = setUp()
    expect(await call()).toEqual({ kind: 'done', output: { done: 'it' } })
    expect(diary).toEqual([...before, 'recorded intent', 'handler it', 'recorded outcome'])
    expect(records()).toMatchObject([
      { event: 'intent', confirmation: confirmed, args: { name: 'it' }, effect },
      { event: 'outcome', confirmation: confirmed, result: { done: 'it' } },
    ])
  })

  it(`${verifies('P7')} tells the handler who calls and under which trace`, async () => {
    const contexts: CallContext[] = []
    const { call, records, controller } = setUp({
      async handler(subject, _, context) {
        contexts.push(context)
        return { done: subject }
      },
    })
    await call()
    const [intent] = records()
    expect(contexts).toEqual([
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
    ['a text that is too long', { name: 'x'.repeat(10) }],
    ['a value of another type', { name: 7 }],
    ['a missing argument', {}],
    ['null', null],
    ['a list', []],
  ])(`${verifies('P2', 'P7')} does not reach the guard if the arguments are %s`, async (_, args) => {
    const { call, diary, records } = setUp()
    expect(await call(args)).toMatchObject({ kind: 'failed', error: { code: 'INVALID_INPUT' } })
    expect(diary).toEqual(['recorded denied'])
    expect(records()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' }, confirmation: 'none' }])
  })

  it.each(['NOT_FOUND', 'NOT_A_DRAFT'] as const)(
    `${verifies('P2', 'P3')} ends, and asks nobody, if the guard throws %s`,
    async code => {
      const { call, diary, records } = setUp({
        guard: () => {
          throw new CodedError(code, 'no')
        },
      })
      expect(await call()).toMatchObject({ kind: 'failed', error: { code, message: 'no' } })
      expect(diary).toEqual(['guard', 'recorded denied'])
      expect(records()).toMatchObject([{ event: 'denied', error: { code, message: 'no' }, confirmation: 'none' }])
    },
  )

  it(`${verifies('P12')} refuses an answer if nobody is asked`, async () => {
    const { call, diary, records } = setUp()
    const ending = await call({ name: 'it' }, { asks: false, answered: true })
    expect(ending).toMatchObject({ kind: 'failed', error: { code: 'CONFIRMATION_INVALID' } })
    expect(diary).toEqual(['recorded denied'])
    expect(records()).toMatchObject([{ event: 'denied', error: { code: 'CONFIRMATION_INVALID' } }])
  })

  it.each([[''], ['things:dos'], ['things:d'], ['THINGS:DO'], ['x:things:do']])(
    `${verifies('P15')} does not reach the guard if the caller has only the scope “%s”`,
    async scope => {
      const { call, diary, records } = setUp()
      const ending = await call({ name: 'it' }, { scopes: new Set([scope]) })
      expect(ending).toMatchObject({
        kind: 'failed',
        error: { code: 'FORBIDDEN', message: expect.stringContaining('things:do') },
      })
      expect(diary).toEqual(['recorded denied'])
      expect(records()).toMatchObject([{ event: 'denied', error: { code: 'FORBIDDEN' } }])
    },
  )

  it(`${verifies('P2')} checks the arguments before the scope`, async () => {
    const { call } = setUp()
    expect(await call({}, { scopes: new Set() })).toMatchObject({ error: { code: 'INVALID_INPUT' } })
  })

  it(`${verifies('P15')} is refused if their token has no scope at all`, async () => {
    const { call, diary } = setUp()
    expect(await call({ name: 'it' }, { scopes: new Set() })).toMatchObject({ error: { code: 'FORBIDDEN' } })
    expect(diary).toEqual(['recorded denied'])
  })

  it('is served if the caller has the scope that the tool needs', async () => {
    const { call } = setUp()
    const scopes = new Set(['other', 'things:do'])
    expect(await call({ name: 'it' }, { scopes })).toMatchObject({ kind: 'done' })
  })

  it(`${verifies('P7')} does nothing if it is cancelled before the handler`, async () => {
    const { call, diary, controller, records } = setUp()
    controller.abort()
    expect(await call()).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } })
    expect(diary).toEqual([...before, 'recorded denied'])
    expect(records()).toMatchObject([{ event: 'denied', error: { code: 'CANCELLED' } }])
  })

  it.each([
    ['BACKEND_UNAVAILABLE', 'The backend is down.'],
    ['OUTCOME_UNKNOWN', 'This may or may not have been done.'],
  ] as const)(
    `${verifies('P7')} is recorded as cancelled, with the message of %s, if it is cancelled in the handler`,
    async (code, message) => {
      const { call, controller, records } = setUp({
        async handler() {
          controller.abort()
          throw new CodedError(code, message)
        },
      })
      const error = { code: 'CANCELLED', message }
      expect(await call()).toMatchObject({ kind: 'failed', error })
      expect(records().at(-1)).toMatchObject({ event: 'outcome', error })
    },
  )

  it('is done if it is cancelled after the handler has done its work', async () => {
    const { call, controller, records } = setUp({
      async handler(subject) {
        controller.abort()
        return { done: subject }
      },
    })
    expect(await call()).toEqual({ kind: 'done', output: { done: 'it' } })
    expect(records().at(-1)).toMatchObject({ event: 'outcome', result: { done: 'it' } })
  })
})
