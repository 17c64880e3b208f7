// Copied on purpose: a fault here must stay here.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type InputRequiredResult, inputRequired, type ServerContext } from '@modelcontextprotocol/server'
import { principalOf } from '@narrow-deputies/guardrails/audit'
import * as z from 'zod'
import type { Asker, Question } from './call-tool.ts'
import { CodedError } from './errors.ts'
import type { SingleUse } from './single-use.ts'

const FORM = {
  type: 'object' as const,
  properties: { confirm: { type: 'boolean' as const, title: 'Yes, do exactly this', default: false } },
  required: ['confirm'],
}

/** How long a question stands: five minutes. */
const LIFETIME_MS = 5 * 60_000

const Answer = z.object({
  action: z.enum(['accept', 'decline', 'cancel']),
  content: z.record(z.string(), z.unknown()).nullish(),
})
const State = z.tuple([z.string(), z.string(), z.string(), z.number(), z.string()])

export interface ConfirmationOptions {
  readonly singleUse: SingleUse
  /** What questions are sealed with; undefined: one of this process. */
  readonly key?: Buffer | undefined
  readonly now?: () => number
  /** Aborted when this process is about to end: from then on no answer finds its way to it. */
  readonly stopping?: AbortSignal | undefined
}

/**
 * Asks the human through the client, in both protocol eras. In the later one the question ends the call and the answer
 * comes with another: only with a state sealed here, for the same tool, arguments, content and caller, in time and once.
 */
export function createConfirmations({
  singleUse,
  key = randomBytes(32),
  now = Date.now,
  stopping,
}: ConfirmationOptions) {
  const seal = (body: string): string => `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`

  const mint = async (question: Question): Promise<string> => {
    const { callId, trace } = question.call
    const nonce = randomBytes(16).toString('hex')
    const expiresAt = now() + LIFETIME_MS
    await singleUse.open(nonce, expiresAt).catch(unkept)
    const state = [bindingOf(question), callId, nonce, expiresAt, trace.traceId]
    return seal(Buffer.from(JSON.stringify(state)).toString('base64url'))
  }

  const redeem = async (question: Question, sealed: unknown): Promise<void> => {
    const invalid = new CodedError(
      'CONFIRMATION_INVALID',
      'This answer belongs to no open question about exactly this call. Call again to ask anew.',
    )
    if (typeof sealed !== 'string' || sealed.length > 2048) throw invalid
    const [body = ''] = sealed.split('.', 1)
    const expected = Buffer.from(seal(body))
    const given = Buffer.from(sealed)
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) throw invalid
    const [binding, , nonce, expiresAt, traceId] = State.parse(JSON.parse(Buffer.from(body, 'base64url').toString()))
    if (binding !== bindingOf(question) || expiresAt <= now()) throw invalid
    // Whatever programs a person has, what is remembered of their answers is on their one account.
    if (!(await singleUse.claim(nonce, expiresAt, question.call.caller.id).catch(unknowable))) throw invalid
    question.call.continueTrace(traceId)
  }

  /** @param declared what the client says of its elicitation, in its era's place */
  return (era: 'legacy' | 'modern', { mcpReq }: ServerContext, declared: unknown): Asker<InputRequiredResult> => ({
    answered: mcpReq.inputResponses !== undefined || mcpReq.requestState() !== undefined,

    async ask(question) {
      const params = { mode: 'form' as const, message: question.text, requestedSchema: FORM }
      if (this.answered) {
        // A model can write arguments, and a client anything at all: without our seal, no answer counts.
        await redeem(question, mcpReq.requestState())
        return judge(mcpReq.inputResponses?.confirm)
      }
      if (!asksForms(declared))
        throw new CodedError(
          'CONFIRMATION_UNAVAILABLE',
          'This needs the user’s confirmation, and this client cannot ask for one. The user can do it in the backend itself, or use a client that supports elicitation.',
        )
      if (era === 'modern') {
        const requestState = await mint(question)
        question.call.asked(true)
        return { reply: inputRequired({ inputRequests: { confirm: inputRequired.elicit(params) }, requestState }) }
      }
      question.call.asked(false)
      const signal = stopping ? AbortSignal.any([mcpReq.signal, stopping]) : mcpReq.signal
      const answer = await mcpReq
        .send({ method: 'elicitation/create', params }, { timeout: LIFETIME_MS, signal })
        .catch(cause => (stopping?.aborted ? interrupted(cause) : unanswered(cause)))
      return judge(answer)
    },
  })
}

function bindingOf({ tool, args, digest, call: { caller } }: Question): string {
  const bound = JSON.stringify([tool, args, digest, principalOf(caller)])
  return createHash('sha256').update(bound).digest('base64url')
}

function judge(response: unknown): 'accepted' {
  const answer = Answer.safeParse(response)
  if (!answer.success)
    throw new CodedError('CONFIRMATION_INVALID', 'The client gave no answer to the question that was asked.')
  if (answer.data.action === 'accept' && answer.data.content?.confirm === true) return 'accepted'
  throw new CodedError('CONFIRMATION_DECLINED', 'The user did not confirm. Do not try again unless they ask for it.')
}

function unkept(cause: unknown): never {
  throw new CodedError(
    'CONFIRMATION_UNAVAILABLE',
    'The user’s answer could not be told from a repeated one now, so they are not asked. Nothing was done: try again later.',
    { cause },
  )
}

function unknowable(cause: unknown): never {
  throw new CodedError(
    'CONFIRMATION_UNAVAILABLE',
    'Whether this answer was used before cannot be told now, so it does not count. Nothing was done: call again to ask anew.',
    { cause },
  )
}

function interrupted(cause: unknown): never {
  throw new CodedError(
    'CONFIRMATION_UNAVAILABLE',
    'This server is about to stop, and can take no answer any more. Nothing was done: call again.',
    { cause },
  )
}

function unanswered(error: unknown): never {
  throw new CodedError('CONFIRMATION_DECLINED', 'The user gave no answer. Do not try again unless they ask for it.', {
    cause: error,
  })
}

/** An empty declaration means forms: the revision that brought elicitation had nothing else. */
function asksForms(elicitation: unknown): boolean {
  return typeof elicitation === 'object' && elicitation !== null && ('form' in elicitation || !('url' in elicitation))
}
