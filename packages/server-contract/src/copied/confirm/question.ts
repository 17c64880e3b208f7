import { randomBytes } from 'node:crypto'
import type { Call, Caller } from '@narrow-deputies/guardrails/audit'

/** What the human is asked: the `Question` of every copy of `call-tool.ts`. */
export interface Question {
  readonly call: Call
  readonly tool: string
  readonly args: unknown
  readonly digest: string
  readonly text: string
}

export interface SingleUse {
  open(nonce: string, expiresAt: number): Promise<void>
  claim(nonce: string, expiresAt: number, owner: string): Promise<boolean>
}

interface Asker {
  readonly answered: boolean
  ask(question: Question): Promise<'accepted' | { readonly reply: { readonly requestState?: string | undefined } }>
}

/** A server's own `confirm.ts`, and the memory that it is used with. */
export interface Copy {
  readonly createConfirmations: (options: {
    readonly singleUse: SingleUse
    readonly key?: Buffer
    readonly now?: () => number
    readonly stopping?: AbortSignal
    // What the SDK hands to a tool is made up here: only the copies know its type.
  }) => (era: 'legacy' | 'modern', context: never, declared: unknown) => Asker
  readonly createSingleUse: (now?: () => number) => SingleUse
}

export const MINUTE = 60_000
export const YES = { action: 'accept', content: { confirm: true } }
export const INVALID = { code: 'CONFIRMATION_INVALID' }
export const DECLINED = { code: 'CONFIRMATION_DECLINED' }
export const CALLER: Caller = {
  kind: 'os',
  id: '1000:ann',
  host: 'desk',
  client: { name: 'host', version: '1' },
}

export interface Asked {
  readonly params: { readonly message: string; readonly requestedSchema: unknown }
  readonly options: { readonly timeout: number; readonly signal: AbortSignal }
}

/** A call that only notes what is done to it. */
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

export function questionOf(change: Partial<Question> = {}): Question {
  const args = { name: 'it' }
  return { call: callOf().call, tool: 'doIt', args, digest: 'd1', text: 'Do it?', ...change }
}

/** What the SDK hands to a tool. */
export function contextOf(
  request: { inputResponses?: unknown; requestState?: unknown } = {},
  send?: (asked: Asked) => unknown,
) {
  const { signal } = new AbortController()
  const mcpReq = {
    inputResponses: request.inputResponses,
    requestState: () => request.requestState,
    signal,
    send: async ({ params }: Asked, options: Asked['options']) => await send?.({ params, options }),
  }
  return { mcpReq }
}

/** Confirmations of a copy, on a clock of the test's own. */
export function confirmationsOf(
  { createConfirmations, createSingleUse }: Copy,
  { key = randomBytes(32), singleUse, stopping }: { key?: Buffer; singleUse?: SingleUse; stopping?: AbortSignal } = {},
) {
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') }
  const now = (): number => clock.now
  const confirmations = createConfirmations({
    singleUse: singleUse ?? createSingleUse(now),
    key,
    now,
    ...(stopping && { stopping }),
  })
  const asker = (
    era: 'legacy' | 'modern',
    context: ReturnType<typeof contextOf>,
    // In an object, as one of the things to declare is nothing at all.
    { declared }: { declared: unknown } = { declared: {} },
  ): Asker => confirmations(era, context as never, declared)
  const mint = async (question = questionOf()): Promise<string> => {
    const answer = await asker('modern', contextOf()).ask(question)
    if (answer === 'accepted') throw new Error('accepted unasked')
    return String(answer.reply.requestState)
  }
  const redeem = (requestState: unknown, question = questionOf(), inputResponses: unknown = { confirm: YES }) =>
    asker('modern', contextOf({ inputResponses, requestState })).ask(question)
  return { clock, asker, mint, redeem }
}
