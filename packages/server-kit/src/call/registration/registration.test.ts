import { once } from 'node:events'
import { type InputRequiredResult, inputRequired } from '@modelcontextprotocol/server'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { ANN, openTestLog } from '../../../test/call/audit-log.ts'
import { serveTools } from '../../../test/call/served-tools.ts'
import { BARE_DEFINITION } from '../../../test/call/tool-definition.ts'
import { CodedError } from '../errors.ts'
import { type CallContext, defineTool, describeTool, type Tool } from '../tool.ts'
import { type ConfirmableRequest, type Confirmations, openLedger } from './registration.ts'

type Ports = { port: number }

const ERAS = ['legacy', 'modern'] as const
const YES = { action: 'accept', content: { confirm: true } }

const definition = {
  ...BARE_DEFINITION,
  effect: 'read',
  input: z.strictObject({ name: z.string().max(9).meta({ audit: 'clear' }) }),
  output: z.strictObject({ done: z.string().max(20).meta({ audit: 'clear' }) }),
  guard: ({ name }: { name: string }) => name,
  handler: async (subject: string, { port }: Ports) => ({ done: `${subject}:${port}` }),
} as const

function toolThat(handler: (subject: string, ports: Ports, context: CallContext) => Promise<{ done: string }>) {
  return defineTool<Ports>()({ ...definition, handler })
}

const doIt: Tool<Ports> = toolThat(definition.handler)
const CALL = { name: 'doIt', arguments: { name: 'it' } }

describe.each(ERAS)('a server of the %s era', era => {
  it('says its name and version, and that its tools never change', async () => {
    const { open, request } = serveTools([doIt])
    if (era === 'modern') {
      const send = await open(era)
      expect((await send('server/discover')).result).toMatchObject({ capabilities: { tools: { listChanged: false } } })
      return
    }
    const clientInfo = { name: 'host', version: '1' }
    const reply = await request('initialize', { protocolVersion: '2025-06-18', clientInfo, capabilities: {} })
    expect(reply.result).toMatchObject({
      serverInfo: { name: 'desk', version: '1.2.3' },
      capabilities: { tools: { listChanged: false } },
    })
  })

  it(`${verifies('P1')} publishes each tool as it describes itself`, async () => {
    const other = describeTool<typeof definition.input, typeof definition.output, Ports, string>(
      { ...definition, name: 'doAll', effect: 'irreversible' },
      'Does all.',
    )
    const { open } = serveTools([doIt, other])
    const send = await open(era)
    const { tools } = (await send('tools/list')).result as { tools: Record<string, unknown>[] }
    expect(tools).toEqual([
      {
        name: 'doIt',
        title: 'Do it',
        description: 'Does it.',
        annotations: doIt.annotations,
        inputSchema: doIt.inputSchema,
        outputSchema: doIt.outputSchema,
      },
      expect.objectContaining({ name: 'doAll', description: 'Does all.', annotations: other.annotations }),
    ])
    expect(tools[0]).toMatchObject({ inputSchema: { required: ['name'], additionalProperties: false } })
    // The worst case is for a reviewer, and the effect for the audit log.
    expect(JSON.stringify(tools)).not.toMatch(/worst|wrong time|things:do/)
  })

  it(`${verifies('P7')} replies with the result, as a structure and as its text, and records it`, async () => {
    const { open, records, ended } = serveTools([doIt])
    const send = await open(era)
    const { result } = await send('tools/call', CALL)
    expect(result).toMatchObject({ structuredContent: { done: 'it:80' } })
    expect(result?.content).toEqual([{ type: 'text', text: '{"done":"it:80"}' }])
    expect(result?.isError).toBeFalsy()
    expect(records()).toMatchObject([
      { event: 'intent', tool: 'doIt', args: { name: 'it' }, effect: 'read', caller: ANN },
      { event: 'outcome', result: { done: 'it:80' } },
    ])
    expect(ended).toHaveLength(1)
  })

  it(`${verifies('P7')} replies to a failed call with its code, its message and its trace`, async () => {
    const refusing = toolThat(async () => {
      throw new CodedError('NOT_FOUND', 'There is none.')
    })
    const { open, records } = serveTools([refusing])
    const send = await open(era)
    const { result } = await send('tools/call', CALL)
    expect(result).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: 'NOT_FOUND: There is none.' }],
      _meta: { code: 'NOT_FOUND', traceId: records().at(-1)?.trace?.traceId },
    })
    expect(result).not.toHaveProperty('structuredContent')
    expect(result?._meta).not.toHaveProperty('retryAfterSeconds')
  })

  it.each([7, 0])('says how many seconds a caller has to wait: %i', async retryAfterSeconds => {
    const refusing = toolThat(async () => {
      throw new CodedError('RATE_LIMITED', 'Wait.', { retryAfterSeconds })
    })
    const { open } = serveTools([refusing])
    const send = await open(era)
    const { result } = await send('tools/call', CALL)
    expect(result).toMatchObject({ isError: true, _meta: { code: 'RATE_LIMITED', retryAfterSeconds } })
  })

  it(`${verifies('P2', 'P7')} refuses wrong arguments with a code, and records that`, async () => {
    const { open, records } = serveTools([doIt])
    const send = await open(era)
    for (const args of [{}, { name: 7 }, { name: 'it', extra: 1 }, undefined]) {
      const { result } = await send('tools/call', { name: 'doIt', ...(args && { arguments: args }) })
      expect(result).toMatchObject({ isError: true, _meta: { code: 'INVALID_INPUT' } })
      expect(records().at(-1)).toMatchObject({ event: 'denied', tool: 'doIt', error: { code: 'INVALID_INPUT' } })
    }
  })

  it(`${verifies('P15')} goes by the scopes that the caller of each call has`, async () => {
    let scopes: ReadonlySet<string> | undefined = new Set(['other'])
    const contexts: unknown[] = []
    const { open } = serveTools([doIt], {
      scopesOf(context) {
        contexts.push(context.mcpReq.method)
        return scopes
      },
    })
    const send = await open(era)
    expect((await send('tools/call', CALL)).result).toMatchObject({ _meta: { code: 'FORBIDDEN' } })
    scopes = new Set(['things:do'])
    expect((await send('tools/call', CALL)).result).toMatchObject({ structuredContent: { done: 'it:80' } })
    scopes = undefined
    expect((await send('tools/call', CALL)).result).toMatchObject({ structuredContent: { done: 'it:80' } })
    expect(contexts).toEqual(['tools/call', 'tools/call', 'tools/call'])
  })

  it(`${verifies('P7', 'P16')} tells only the operator why a handler failed unexpectedly`, async () => {
    const fault = new Error('at /secret/path with key hunter2')
    const { open, faults } = serveTools([toolThat(() => Promise.reject(fault))])
    const send = await open(era)
    const reply = await send('tools/call', CALL)
    expect(reply.result).toMatchObject({ isError: true, _meta: { code: 'INTERNAL' } })
    expect(JSON.stringify(reply)).not.toMatch(/secret|hunter2/)
    expect(faults).toEqual([fault])
  })

  it(`${verifies('P7')} does not run the handler of a call that the ledger does not know`, async () => {
    const handled: string[] = []
    const noting = toolThat(async subject => {
      handled.push(subject)
      return { done: subject }
    })
    const { open, records } = serveTools([noting], { isAudited: false })
    const send = await open(era)
    const { result, error } = await send('tools/call', CALL)
    expect(JSON.stringify(result ?? error)).toContain('INTERNAL')
    expect(result?.structuredContent).toBeUndefined()
    expect(handled).toEqual([])
    expect(records()).toEqual([])
  })

  it(`${verifies('P7')} tells the handler that the client cancelled the call`, async () => {
    let isRunning = false
    const slow = toolThat(async (subject, _, { signal }) => {
      isRunning = true
      await once(signal, 'abort')
      throw new CodedError('OUTCOME_UNKNOWN', `${subject} may or may not have been done.`)
    })
    const { open, notify, records } = serveTools([slow])
    const send = await open(era)
    void send('tools/call', CALL)
    await expect.poll(() => isRunning).toBe(true)
    notify('notifications/cancelled', { requestId: era === 'legacy' ? 2 : 1 })
    await expect.poll(() => records().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'CANCELLED' } })
  })

  it.each([
    [{ inputResponses: { confirm: YES } }],
    [{ requestState: 'W10.AAAA' }],
    [{ inputResponses: {}, requestState: '' }],
    [{ inputResponses: {} }],
  ])(`${verifies('P12')} refuses an answer if nobody is ever asked: %j`, async answer => {
    const { open, records } = serveTools([doIt])
    const send = await open(era)
    const { result } = await send('tools/call', { ...CALL, ...answer })
    expect(result).toMatchObject({ isError: true, _meta: { code: 'CONFIRMATION_INVALID' } })
    expect(records()).toMatchObject([{ event: 'denied', error: { code: 'CONFIRMATION_INVALID' } }])
  })
})

/** Confirmations that note what they are asked for. @param ask answers for the human */
function confirmationsBy(ask: (request: ConfirmableRequest) => Promise<'accepted' | { reply: InputRequiredResult }>) {
  const requests: (ConfirmableRequest & { tool: string })[] = []
  const confirmations: Confirmations = {
    of(tool, request) {
      requests.push({ ...request, tool: tool.name })
      return { digest: () => 'same', ask: () => ask(request) }
    },
  }
  return { confirmations, requests }
}

describe('what confirmations are asked for', () => {
  it.each(ERAS)(`${verifies('P12')} is the call, with its era and what its client declares: %s`, async era => {
    const stopping = new AbortController().signal
    const { confirmations, requests } = confirmationsBy(async () => 'accepted')
    const { open, records } = serveTools([doIt], { confirmations, stopping })
    const send = await open(era, { elicitation: { form: {} } })
    expect((await send('tools/call', CALL)).result).toMatchObject({ structuredContent: { done: 'it:80' } })
    expect(requests).toMatchObject([{ tool: 'doIt', era, elicitation: { form: {} } }])
    expect(requests[0]?.call.callId).toBe(records()[0]?.callId)
    expect(requests[0]?.context.mcpReq.method).toBe('tools/call')
    expect(requests[0]?.stopping).toBe(stopping)
    expect(records()).toMatchObject([{ confirmation: 'elicited' }, { confirmation: 'elicited' }])
  })

  it.each(ERAS)(`${verifies('P12')} says nothing of elicitation if the client does not: %s`, async era => {
    const { confirmations, requests } = confirmationsBy(async () => 'accepted')
    const { open } = serveTools([doIt], { confirmations })
    const send = await open(era, { sampling: {} })
    await send('tools/call', CALL)
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatchObject({ elicitation: undefined, stopping: undefined })
  })

  it(`${verifies('P12')} may end the call with a question to the client`, async () => {
    const params = {
      mode: 'form' as const,
      message: 'Do it?',
      requestedSchema: { type: 'object' as const, properties: {} },
    }
    const reply = inputRequired({ inputRequests: { confirm: inputRequired.elicit(params) }, requestState: 'sealed' })
    const { confirmations } = confirmationsBy(async ({ call }) => {
      call.asked(true)
      return { reply }
    })
    const { open, records } = serveTools([doIt], { confirmations })
    const send = await open('modern', { elicitation: { form: {} } })
    expect((await send('tools/call', CALL)).result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { confirm: { method: 'elicitation/create', params: { message: 'Do it?' } } },
      requestState: 'sealed',
    })
    expect(records()).toMatchObject([{ event: 'confirm', durationMs: expect.any(Number) }])
  })
})

describe('the ledger of a connection', () => {
  it(`${verifies('P7')} records calls by the policy of their tool, and calls of no tool as well`, () => {
    const { log, records } = openTestLog()
    const other = defineTool<Ports>()({ ...definition, name: 'other', input: z.strictObject({ name: z.string() }) })
    const ended: unknown[] = []
    const ledger = openLedger({ tools: [doIt, other], audit: log }, ANN, id => ended.push(id))
    for (const [id, name] of ['doIt', 'other', 'none'].entries()) {
      ledger.arrive({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: { name: 'it' } } })
      ledger.find(id)?.denied({ code: 'NOT_FOUND', message: 'no' })
    }
    const pseudonym = expect.not.stringMatching(/^it$/)
    expect(records()).toMatchObject([
      { tool: 'doIt', effect: 'read', args: { name: 'it' }, caller: ANN },
      { tool: 'other', effect: 'read', args: { name: pseudonym } },
      { tool: 'none', args: expect.not.objectContaining({ name: 'it' }) },
    ])
    expect(records()[2]).not.toHaveProperty('effect')
    expect(ended).toEqual([0, 1, 2])
  })
})
