import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type InputRequiredResult, inputRequired } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { type Call, principalOf } from '#guardrails/audit'
import type { CallConfirmation } from '../call-tool.ts'
import { CodedError } from '../errors.ts'
import type { ConfirmableRequest, Confirmations } from '../registration/registration.ts'
import type { NonceStore } from './nonce-store.ts'
import { isWriteTool } from './write-tool.ts'

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

/** What the human is asked, and what the answer is bound to. */
interface Question {
  readonly call: Call
  readonly tool: string
  readonly args: unknown
  /** Of the content behind the arguments. */
  readonly digest: string
  readonly text: string
}

export interface ConfirmationOptions {
  readonly nonces: NonceStore
  /** Seals the questions. Undefined: a key of this process. */
  readonly key?: Buffer | undefined
  readonly now?: () => number
}

/**
 * Asks the human through the client, in both protocol eras. In the modern era the question ends the call and the answer
 * comes with another call: it counts only with a state that was sealed here, for the same tool, arguments, content and
 * caller, in time and once.
 */
export function createConfirmations({
  nonces,
  key = randomBytes(32),
  now = Date.now,
}: ConfirmationOptions): Confirmations {
  const seal = (body: string): string => `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`

  const mint = async (question: Question): Promise<string> => {
    const { callId, trace } = question.call
    const nonce = randomBytes(16).toString('hex')
    const expiresAt = now() + LIFETIME_MS
    await nonces.open(nonce, expiresAt).catch(unkept)
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
    // Used answers count against the person's account, whatever programs act for them.
    if (!(await nonces.claim(nonce, expiresAt, question.call.caller.id).catch(unknowable))) throw invalid
    question.call.continueTrace(traceId)
  }

  const ask = async (
    question: Question,
    { era, context: { mcpReq }, elicitation, stopping }: ConfirmableRequest,
  ): Promise<'accepted' | { reply: InputRequiredResult }> => {
    const params = { mode: 'form' as const, message: question.text, requestedSchema: FORM }
    if (mcpReq.inputResponses !== undefined || mcpReq.requestState() !== undefined) {
      // A model can write arguments, and a client anything at all: without our seal, no answer counts.
      await redeem(question, mcpReq.requestState())
      return judge(mcpReq.inputResponses?.confirm)
    }
    if (!asksForms(elicitation))
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
  }

  return {
    of(tool, request): CallConfirmation<InputRequiredResult> | undefined {
      if (!isWriteTool(tool) || !tool.confirm) return undefined
      const { confirm } = tool
      return {
        digest: subject => tool.digest(subject),
        ask: (args, subject) =>
          ask(
            { call: request.call, tool: tool.name, args, digest: tool.digest(subject), text: confirm(subject) },
            request,
          ),
      }
    },
  }
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

/** An empty declaration means forms: the revision that introduced elicitation had nothing else. */
function asksForms(elicitation: unknown): boolean {
  return typeof elicitation === 'object' && elicitation !== null && ('form' in elicitation || !('url' in elicitation))
}
