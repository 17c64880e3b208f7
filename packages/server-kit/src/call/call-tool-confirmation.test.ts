import { describe, expect, it } from 'vitest'
import { type CalledTool, openCallDiary } from '../../test/call/call-diary.ts'
import { CodedError } from './errors.ts'

describe('a call that a human confirms', () => {
  const setUp = (change: Partial<CalledTool> = {}) => openCallDiary({ effect: 'irreversible', asks: true, ...change })

  it(`${verifies('P3', 'P7', 'P8', 'P12')} is guarded, asked, guarded again, recorded, and only then handled`, async () => {
    const { call, diary, records, questions } = setUp()
    expect(await call()).toEqual({ kind: 'done', output: { done: 'it' } })
    expect(diary).toEqual(['guard', 'ask', 'guard', 'recorded intent', 'handler it', 'recorded outcome'])
    expect(questions).toEqual([{ input: { name: 'it' }, subject: 'it' }])
    expect(records()).toMatchObject([
      { event: 'intent', confirmation: 'elicited', args: { name: 'it' }, effect: 'irreversible' },
      { event: 'outcome', confirmation: 'elicited', result: { done: 'it' } },
    ])
  })

  it(`${verifies('P2', 'P12')} is asked about with the arguments as they were checked`, async () => {
    const { call, questions } = setUp()
    expect(await call({ name: ' it ' })).toEqual({ kind: 'done', output: { done: 'it' } })
    expect(questions).toEqual([{ input: { name: 'it' }, subject: 'it' }])
  })

  it(`${verifies('P12')} does nothing more if it ends with a question`, async () => {
    const { call, diary, records } = setUp()
    const ending = await call({ name: 'it' }, { answer: () => ({ reply: 'a question' }) })
    expect(ending).toEqual({ kind: 'asked', reply: 'a question' })
    expect(diary).toEqual(['guard', 'ask'])
    expect(records()).toEqual([])
  })

  it.each([
    ['CONFIRMATION_DECLINED', 'declined'],
    ['CONFIRMATION_INVALID', 'none'],
    ['CONFIRMATION_UNAVAILABLE', 'none'],
  ] as const)(`${verifies('P12')} that fails with %s is recorded as “%s”`, async (code, confirmation) => {
    const { call, diary, records } = setUp()
    const answer = () => {
      throw new CodedError(code, 'no')
    }
    expect(await call({ name: 'it' }, { answer })).toMatchObject({ kind: 'failed', error: { code, message: 'no' } })
    expect(diary).toEqual(['guard', 'ask', 'recorded denied'])
    expect(records()).toMatchObject([{ event: 'denied', error: { code }, confirmation }])
  })

  it(`${verifies('P7', 'P16')} tells only the operator why the question could not be asked`, async () => {
    const fault = new Error('at /secret/path with key hunter2')
    const { call, diary, records, faults } = setUp()
    const answer = () => {
      throw fault
    }
    const ending = await call({ name: 'it' }, { answer })
    expect(ending).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL' } })
    expect(JSON.stringify([ending, records()])).not.toMatch(/secret|hunter2/)
    expect(faults).toEqual([fault])
    expect(diary).toEqual(['guard', 'ask', 'recorded denied'])
    expect(records()).toMatchObject([{ event: 'denied', error: { code: 'INTERNAL' } }])
  })

  it(`${verifies('P3', 'P12')} is refused if the content changed while the human was asked`, async () => {
    let content = 'shown'
    const { call, diary, records } = setUp({ digest: () => content })
    const answer = () => {
      content = 'changed'
      return 'accepted' as const
    }
    expect(await call({ name: 'it' }, { answer })).toMatchObject({
      kind: 'failed',
      error: { code: 'CONFIRMATION_INVALID' },
    })
    expect(diary).toEqual(['guard', 'ask', 'guard', 'recorded denied'])
    expect(records()).toMatchObject([{ event: 'denied', confirmation: 'elicited' }])
  })

  it(`${verifies('P3', 'P12')} is refused if the guard refuses after the human said yes`, async () => {
    let isGone = false
    const { call, diary } = setUp({
      guard({ name }) {
        if (isGone) throw new CodedError('NOT_FOUND', 'gone')
        return name
      },
    })
    const answer = () => {
      isGone = true
      return 'accepted' as const
    }
    expect(await call({ name: 'it' }, { answer })).toMatchObject({ kind: 'failed', error: { code: 'NOT_FOUND' } })
    expect(diary).toEqual(['guard', 'ask', 'guard', 'recorded denied'])
  })

  it(`${verifies('P3')} acts on what the guard returned last`, async () => {
    let reads = 0
    const { call } = setUp({
      guard() {
        reads += 1
        return `read ${reads}`
      },
      digest: () => 'the same',
    })
    expect(await call()).toEqual({ kind: 'done', output: { done: 'read 2' } })
  })

  it(`${verifies('P12')} takes an answer that came with the request to whoever asks`, async () => {
    const { call, diary } = setUp()
    expect(await call({ name: 'it' }, { answered: true })).toMatchObject({ kind: 'done' })
    expect(diary.slice(0, 2)).toEqual(['guard', 'ask'])
  })

  it(`${verifies('P7')} does nothing if it is cancelled while the human is asked`, async () => {
    const { call, diary, controller } = setUp()
    const answer = () => {
      controller.abort()
      return 'accepted' as const
    }
    expect(await call({ name: 'it' }, { answer })).toMatchObject({ error: { code: 'CANCELLED' } })
    expect(diary).toEqual(['guard', 'ask', 'guard', 'recorded denied'])
  })

  it(`${verifies('P7')} is recorded as cancelled if the question fails because of that`, async () => {
    const { call, controller, faults, records } = setUp()
    const answer = () => {
      controller.abort()
      throw new Error('the question was withdrawn')
    }
    expect(await call({ name: 'it' }, { answer })).toMatchObject({ error: { code: 'CANCELLED' } })
    expect(records()).toMatchObject([{ event: 'denied', error: { code: 'CANCELLED' }, confirmation: 'none' }])
    expect(faults).toEqual([])
  })
})

describe('a call that nobody has to confirm', () => {
  it.each([
    ['irreversible', 'waived'],
    ['reversible', 'none'],
    ['read', 'none'],
  ] as const)(`${verifies('P12')} asks nobody; with effect %s it is recorded as “%s”`, async (effect, confirmation) => {
    const { call, diary, records } = openCallDiary({ effect, asks: false })
    await call()
    expect(diary).toEqual(['guard', 'recorded intent', 'handler it', 'recorded outcome'])
    expect(records()).toMatchObject([
      { event: 'intent', confirmation },
      { event: 'outcome', confirmation },
    ])
  })
})
