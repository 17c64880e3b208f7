import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { type Reply, serveTools } from '../../../test/call/served-tools.ts'
import { BARE_DEFINITION } from '../../../test/call/tool-definition.ts'
import { createConfirmations } from './confirmation.ts'
import { createNonceStore } from './nonce-store.ts'
import { defineWriteTool } from './write-tool.ts'

const FORMS = { elicitation: { form: {} } }
const YES = { action: 'accept', content: { confirm: true } }
const NO = { action: 'accept', content: { confirm: false } }
const CALL = { name: 'doIt', arguments: { name: 'it' } }

function setUp(stopping?: AbortSignal) {
  const handled: string[] = []
  const tool = defineWriteTool<{ port: number }>()({
    ...BARE_DEFINITION,
    effect: 'irreversible',
    input: z.strictObject({ name: z.string().max(9) }),
    guard: ({ name }) => name,
    confirm: name => `Do ${name}?`,
    async handler(name) {
      handled.push(name)
      return {}
    },
  })
  const confirmations = createConfirmations({ nonces: createNonceStore() })
  return { handled, ...serveTools([tool], { confirmations, ...(stopping && { stopping }) }) }
}

function codeOf({ result }: Reply): unknown {
  return (result?._meta as { code?: unknown } | undefined)?.code
}

describe('a question that is asked through the SDK in the legacy era', () => {
  it(`${verifies('P12')} reaches the client within the call, which goes on with the answer`, async () => {
    const { open, asked, answer, handled } = setUp()
    const send = await open('legacy', FORMS)
    for (const [response, code] of [
      [NO, 'CONFIRMATION_DECLINED'],
      [{ action: 'cancel' }, 'CONFIRMATION_DECLINED'],
      [YES, undefined],
    ] as const) {
      expect(handled).toEqual([])
      const reply = send('tools/call', CALL)
      await expect.poll(() => asked.length).toBe(1)
      expect(asked).toMatchObject([{ method: 'elicitation/create', params: { mode: 'form', message: 'Do it?' } }])
      answer(asked.pop()?.id, response)
      expect(codeOf(await reply)).toBe(code)
    }
    expect(handled).toEqual(['it'])
  })

  it(`${verifies('P12')} is withdrawn when the process stops`, async () => {
    const stopping = new AbortController()
    const { open, asked, handled } = setUp(stopping.signal)
    const send = await open('legacy', FORMS)
    const reply = send('tools/call', CALL)
    await expect.poll(() => asked.length).toBe(1)
    stopping.abort()
    expect(codeOf(await reply)).toBe('CONFIRMATION_UNAVAILABLE')
    await expect.poll(() => asked.at(-1)).toMatchObject({ method: 'notifications/cancelled' })
    expect(handled).toEqual([])
  })
})

describe('a question that is asked through the SDK in the modern era', () => {
  it(`${verifies('P12')} ends the call, and its answer is accepted once, with the same arguments`, async () => {
    const { open, asked, handled, records } = setUp()
    const send = await open('modern', FORMS)
    const { result } = await send('tools/call', CALL)
    expect(result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { confirm: { method: 'elicitation/create', params: { mode: 'form', message: 'Do it?' } } },
      requestState: expect.any(String),
    })
    const answer = { inputResponses: { confirm: YES }, requestState: result?.requestState }
    const other = await send('tools/call', { ...CALL, arguments: { name: 'that' }, ...answer })
    expect(codeOf(other)).toBe('CONFIRMATION_INVALID')
    expect(handled).toEqual([])
    expect((await send('tools/call', { ...CALL, ...answer })).result).toMatchObject({ structuredContent: {} })
    expect(codeOf(await send('tools/call', { ...CALL, ...answer }))).toBe('CONFIRMATION_INVALID')
    expect(handled).toEqual(['it'])
    expect(asked).toEqual([])
    const terminal = records().filter(({ durationMs }) => durationMs !== undefined)
    expect(terminal.map(({ event, confirmation }) => [event, confirmation])).toEqual([
      ['confirm', 'none'],
      ['denied', 'none'],
      ['outcome', 'elicited'],
      ['denied', 'none'],
    ])
  })

  it(`${verifies('P12')} is not answered by a client that only claims that it was`, async () => {
    const { open, handled } = setUp()
    const send = await open('modern', FORMS)
    for (const claim of [
      { inputResponses: { confirm: YES } },
      { inputResponses: { confirm: YES }, requestState: '' },
      { inputResponses: { confirm: YES }, requestState: 'W10.AAAA' },
      { requestState: 'W10.AAAA' },
    ])
      expect(codeOf(await send('tools/call', { ...CALL, ...claim }))).toBe('CONFIRMATION_INVALID')
    expect(handled).toEqual([])
  })
})

describe('a client that cannot ask', () => {
  it.each(['legacy', 'modern'] as const)(`${verifies('P12')} gets no irreversible call done: %s era`, async era => {
    for (const capabilities of [{}, { elicitation: { url: {} } }]) {
      const { open, asked, handled } = setUp()
      const send = await open(era, capabilities)
      expect(codeOf(await send('tools/call', CALL))).toBe('CONFIRMATION_UNAVAILABLE')
      expect([asked, handled]).toEqual([[], []])
    }
  })
})
