import { randomBytes } from 'node:crypto'
import type { InputRequiredResult, ServerContext } from '@modelcontextprotocol/server'
import type { Call, Caller } from '#guardrails/audit'
import type { ConfirmableRequest, Era } from '../../src/call/registration/registration.ts'
import { createConfirmations } from '../../src/call/writes/confirmation.ts'
import { createNonceStore, type NonceStore } from '../../src/call/writes/nonce-store.ts'
import { defineWriteTool } from '../../src/call/writes/write-tool.ts'
import { ANN } from './audit-log.ts'
import { BARE_DEFINITION } from './tool-definition.ts'

export const MINUTE = 60_000
export const YES = { action: 'accept', content: { confirm: true } }
export const INVALID = { code: 'CONFIRMATION_INVALID' }
export const DECLINED = { code: 'CONFIRMATION_DECLINED' }

/** A caller whose client is known. */
export const CALLER: Caller = { ...ANN, client: { name: 'host', version: '1' } }

/** A question, as a tool and a call make it up. */
export interface TestQuestion {
  readonly call: Call
  readonly tool: string
  readonly args: unknown
  readonly digest: string
  readonly text: string
}

/** What a client is sent in the legacy era. */
export interface Sent {
  readonly method: string
  readonly params: { readonly message: string; readonly requestedSchema: unknown }
  readonly options: { readonly timeout: number; readonly signal: AbortSignal }
}

/** A call that only notes what is done to it. @param asked called as the question is put on record */
export function callOf(caller: Caller = CALLER, asked: (ends: boolean) => void = () => {}) {
  const traces: string[] = []
  const call = {
    callId: 'call-1',
    caller,
    trace: { traceId: 'ab'.repeat(16), source: 'generated' },
    continueTrace: (traceId: string) => void traces.push(traceId),
    asked,
  }
  return { call: call as unknown as Call, traces }
}

export function questionOf(change: Partial<TestQuestion> = {}): TestQuestion {
  return { call: callOf().call, tool: 'doIt', args: { name: 'it' }, digest: 'd1', text: 'Do it?', ...change }
}

/** What the SDK gives to a tool. @param send answers what is sent to the client */
export function contextOf(
  request: { inputResponses?: unknown; requestState?: unknown } = {},
  send?: (sent: Sent) => unknown,
): ServerContext {
  const mcpReq = {
    inputResponses: request.inputResponses,
    requestState: () => request.requestState,
    signal: new AbortController().signal,
    send: async ({ method, params }: Sent, options: Sent['options']) => await send?.({ method, params, options }),
  }
  return { mcpReq } as unknown as ServerContext
}

interface Confirming {
  readonly key?: Buffer
  readonly nonces?: NonceStore
  readonly stopping?: AbortSignal
}

/** Confirmations on a clock of the test's own, and the ways to use them. */
export function confirmationsOf({ key = randomBytes(32), nonces, stopping }: Confirming = {}) {
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') }
  const now = (): number => clock.now
  const confirmations = createConfirmations({ nonces: nonces ?? createNonceStore(now), key, now })

  const ask = async (
    era: Era,
    context: ServerContext,
    { call, tool: name, args, digest, text }: TestQuestion = questionOf(),
    // In an object, since one of the things to declare is undefined.
    { elicitation }: { elicitation: unknown } = { elicitation: {} },
  ): Promise<'accepted' | { reply: InputRequiredResult }> => {
    const tool = defineWriteTool()({
      ...BARE_DEFINITION,
      name,
      effect: 'irreversible',
      confirm: () => text,
      digest: () => digest,
    })
    const request: ConfirmableRequest = { call, era, context, elicitation, stopping }
    const confirmation = confirmations.of(tool, request)
    if (!confirmation) throw new Error('the tool asks nothing')
    return await confirmation.ask(args, undefined)
  }
  return {
    clock,
    confirmations,
    ask,
    /** Asks in the modern era. Returns the sealed state. */
    async mint(question?: TestQuestion): Promise<string> {
      const answer = await ask('modern', contextOf(), question)
      if (answer === 'accepted') throw new Error('accepted unasked')
      return String(answer.reply.requestState)
    },
    /** Answers in the modern era. */
    redeem: (requestState: unknown, question?: TestQuestion, inputResponses: unknown = { confirm: YES }) =>
      ask('modern', contextOf({ inputResponses, requestState }), question),
  }
}
