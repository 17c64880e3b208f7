import type { InputRequiredResult, ServerContext } from '@modelcontextprotocol/server'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { openTestCall, openTestLog } from '../../../test/call/audit-log.ts'
import { contextOf, type Sent, YES } from '../../../test/call/confirmation-requests.ts'
import { BARE_DEFINITION } from '../../../test/call/tool-definition.ts'
import { type CallEnding, callTool } from '../call-tool.ts'
import type { Era } from '../registration/registration.ts'
import { createConfirmations } from './confirmation.ts'
import { createNonceStore } from './nonce-store.ts'
import { defineWriteTool, type WriteDefinition } from './write-tool.ts'

const Input = z.strictObject({ name: z.string().max(9).meta({ audit: 'clear' }) })
const Output = z.strictObject({ done: z.string().max(9).meta({ audit: 'clear' }) })

interface Subject {
  readonly name: string
  readonly content: string
}

/** Makes calls of a tool that writes, with real confirmations on a real audit log. */
function setUp(change: Partial<WriteDefinition<typeof Input, typeof Output, unknown, Subject>> = {}) {
  const diary: string[] = []
  const faults: unknown[] = []
  /** What the tool is about. A test may change it at any time. */
  const state = { content: 'first' }
  const { log, records } = openTestLog(event => diary.push(`recorded ${event}`))
  const tool = defineWriteTool()({
    ...BARE_DEFINITION,
    effect: 'irreversible',
    input: Input,
    output: Output,
    guard({ name }): Subject {
      diary.push('guard')
      return { name, content: state.content }
    },
    confirm: ({ name }) => `Do ${name}?`,
    digest: ({ content }) => content,
    async handler({ name, content }) {
      diary.push(`handler ${name} ${content}`)
      return { done: name }
    },
    ...change,
  } as WriteDefinition<typeof Input, typeof Output, unknown, Subject>)
  const confirmations = createConfirmations({ nonces: createNonceStore() })

  const call = async (
    era: Era,
    context: ServerContext,
    { args = { name: 'it' } as unknown, mustAsk = true } = {},
  ): Promise<CallEnding<InputRequiredResult>> => {
    const opened = openTestCall(log, tool, args)
    return await callTool(tool, {
      call: opened,
      args,
      ports: {},
      scopes: undefined,
      answered: context.mcpReq.inputResponses !== undefined || context.mcpReq.requestState() !== undefined,
      confirmation: mustAsk
        ? confirmations.of(tool, { call: opened, era, context, elicitation: {}, stopping: undefined })
        : undefined,
      cancelled: context.mcpReq.signal,
      onFault: fault => faults.push(fault),
    })
  }
  /** The state that a question of the modern era left with the client. */
  const ask = async (args?: unknown): Promise<string> => {
    const ending = await call('modern', contextOf(), args === undefined ? {} : { args })
    if (ending.kind !== 'asked') throw new Error(`nothing was asked: ${JSON.stringify(ending)}`)
    return String(ending.reply.requestState)
  }
  const answer = (requestState: string, args?: unknown) =>
    call('modern', contextOf({ inputResponses: { confirm: YES }, requestState }), args === undefined ? {} : { args })
  return { state, diary, faults, records, call, ask, answer }
}

describe('a call that the human confirms through the client', () => {
  it(`${verifies('P3', 'P7', 'P8', 'P12')} is guarded, asked, guarded again, recorded and handled in the legacy era`, async () => {
    const { call, diary, records } = setUp()
    const sent: Sent[] = []
    const context = contextOf({}, question => {
      sent.push(question)
      diary.push('ask')
      return YES
    })
    expect(await call('legacy', context)).toEqual({ kind: 'done', output: { done: 'it' } })
    expect(diary).toEqual([
      'guard',
      'recorded confirm',
      'ask',
      'guard',
      'recorded intent',
      'handler it first',
      'recorded outcome',
    ])
    expect(sent).toMatchObject([{ params: { message: 'Do it?' } }])
    expect(records()).toMatchObject([
      { event: 'confirm', confirmation: 'none' },
      { event: 'intent', confirmation: 'elicited', args: { name: 'it' }, effect: 'irreversible' },
      { event: 'outcome', confirmation: 'elicited', result: { done: 'it' } },
    ])
  })

  it(`${verifies('P3', 'P7', 'P8', 'P12')} ends with the question in the modern era, and the answer comes with another call`, async () => {
    const { call, ask, answer, diary, records } = setUp()
    const asked = await call('modern', contextOf())
    expect(asked).toMatchObject({
      kind: 'asked',
      reply: { inputRequests: { confirm: { params: { message: 'Do it?' } } }, requestState: expect.any(String) },
    })
    expect(diary).toEqual(['guard', 'recorded confirm'])
    const state = await ask()
    diary.length = 0
    expect(await answer(state)).toEqual({ kind: 'done', output: { done: 'it' } })
    expect(diary).toEqual(['guard', 'guard', 'recorded intent', 'handler it first', 'recorded outcome'])
    const [, question, intent, outcome] = records()
    expect([intent, outcome]).toMatchObject([
      { event: 'intent', confirmation: 'elicited', args: { name: 'it' }, effect: 'irreversible' },
      { event: 'outcome', confirmation: 'elicited', result: { done: 'it' } },
    ])
    // Question and answer are found together.
    expect(intent?.trace?.traceId).toBe(question?.trace?.traceId)
    expect(intent?.callId).not.toBe(question?.callId)
  })

  it(`${verifies('P12')} is carried out once, and only with the arguments that were asked about`, async () => {
    const { ask, answer, diary } = setUp()
    const state = await ask()
    diary.length = 0
    const invalid = { kind: 'failed', error: { code: 'CONFIRMATION_INVALID' } }
    expect(await answer(state, { name: 'that' })).toMatchObject(invalid)
    expect(await answer(state)).toMatchObject({ kind: 'done' })
    expect(await answer(state)).toMatchObject(invalid)
    expect(diary.filter(entry => entry.startsWith('handler'))).toEqual(['handler it first'])
  })

  it(`${verifies('P3', 'P12')} is refused if the content changed between question and answer`, async () => {
    const { state, ask, answer, diary } = setUp()
    const sealed = await ask()
    state.content = 'second'
    diary.length = 0
    expect(await answer(sealed)).toMatchObject({ kind: 'failed', error: { code: 'CONFIRMATION_INVALID' } })
    expect(diary).toEqual(['guard', 'recorded denied'])
  })

  it(`${verifies('P3', 'P12')} is refused if the content changed while the human was asked`, async () => {
    const { state, call, diary, records } = setUp()
    const context = contextOf({}, () => {
      state.content = 'second'
      return YES
    })
    expect(await call('legacy', context)).toMatchObject({ kind: 'failed', error: { code: 'CONFIRMATION_INVALID' } })
    expect(diary).toEqual(['guard', 'recorded confirm', 'guard', 'recorded denied'])
    expect(records().at(-1)).toMatchObject({ event: 'denied', confirmation: 'elicited' })
  })

  it(`${verifies('P12')} is recorded as declined if the human says no`, async () => {
    const { call, diary, records } = setUp()
    const context = contextOf({}, () => ({ action: 'decline' }))
    expect(await call('legacy', context)).toMatchObject({ kind: 'failed', error: { code: 'CONFIRMATION_DECLINED' } })
    expect(diary).toEqual(['guard', 'recorded confirm', 'recorded denied'])
    expect(records().at(-1)).toMatchObject({ event: 'denied', confirmation: 'declined' })
  })

  it(`${verifies('P7', 'P16')} tells only the operator if the question cannot be put into words`, async () => {
    const fault = new Error('at /secret/path with key hunter2')
    const { call, diary, faults, records } = setUp({
      confirm: () => {
        throw fault
      },
    })
    const ending = await call('modern', contextOf())
    expect(ending).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL' } })
    expect(JSON.stringify([ending, records()])).not.toMatch(/secret|hunter2/)
    expect(faults).toEqual([fault])
    expect(diary).toEqual(['guard', 'recorded denied'])
    expect(records()).toMatchObject([{ event: 'denied', error: { code: 'INTERNAL' } }])
  })
})

describe('a call that asks nobody', () => {
  it.each([
    ['irreversible', 'waived'],
    ['reversible', 'none'],
  ] as const)(
    `${verifies('P12')} is carried out if the operator wants nobody asked; with effect %s it is recorded as “%s”`,
    async (effect, confirmation) => {
      const { call, diary, records } = setUp({ effect })
      expect(await call('modern', contextOf(), { mustAsk: false })).toMatchObject({ kind: 'done' })
      expect(diary).toEqual(['guard', 'recorded intent', 'handler it first', 'recorded outcome'])
      expect(records()).toMatchObject([
        { event: 'intent', confirmation },
        { event: 'outcome', confirmation },
      ])
    },
  )

  it(`${verifies('P12')} takes no answer, whether the tool has no question or the operator wants nobody asked`, async () => {
    const invalid = { kind: 'failed', error: { code: 'CONFIRMATION_INVALID' } }
    const asking = setUp()
    const context = contextOf({ inputResponses: { confirm: YES }, requestState: await asking.ask() })
    asking.diary.length = 0
    expect(await asking.call('modern', context, { mustAsk: false })).toMatchObject(invalid)
    expect(asking.diary).toEqual(['recorded denied'])

    const silent = setUp({ effect: 'reversible', confirm: undefined as never })
    expect(await silent.call('modern', context)).toMatchObject(invalid)
    expect(silent.diary).toEqual(['recorded denied'])
  })
})
