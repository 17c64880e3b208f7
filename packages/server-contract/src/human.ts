import { type Answer, YES } from './clients.ts'
import type { Message, RunningServer } from './running-server.ts'

/** What a call of the later era ended with, if it ended by asking. */
export interface Question {
  readonly message: string
  /** What the next call has to carry for an answer. */
  reply(answer: unknown): Message
}

export function questionOf({ result }: Message): Question | undefined {
  const { resultType, inputRequests, requestState } = (result ?? {}) as {
    resultType?: string
    inputRequests?: Record<string, { params: { message: string } }>
    requestState?: unknown
  }
  if (resultType !== 'input_required' || !inputRequests) return undefined
  return {
    message: Object.values(inputRequests)[0]?.params.message ?? '',
    reply: answer => ({
      inputResponses: Object.fromEntries(Object.keys(inputRequests).map(name => [name, answer])),
      requestState,
    }),
  }
}

/** Calls a tool as a client with a human behind it: a question that ends the call is answered with the next one. */
export async function callWithHuman(
  server: RunningServer,
  tool: string,
  args: unknown,
  { answer = YES, ...extra }: { answer?: Answer; _meta?: Message } = {},
): Promise<Message> {
  const reply = await server.call(tool, args, extra)
  const question = questionOf(reply)
  return question ? await server.call(tool, args, { ...extra, ...question.reply(answer) }) : reply
}

/** A call's result, if it has one that is no error. */
export function outputOf({ result }: Message): Record<string, unknown> | undefined {
  const { isError, structuredContent } = (result ?? {}) as {
    isError?: boolean
    structuredContent?: Record<string, unknown>
  }
  return isError ? undefined : structuredContent
}
