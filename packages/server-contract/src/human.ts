import { type Answer, YES } from './clients.ts'
import type { Message, RunningServer } from './running-server.ts'

/** A confirmation request that ended a call of the modern era. */
export interface Question {
  readonly message: string
  /** The parameters that the next call carries to answer the request. */
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

/** Calls a tool. If the call ends with a confirmation request, calls the tool again with the answer. */
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

/** The structured result of a call; undefined if it failed. */
export function outputOf({ result }: Message): Record<string, unknown> | undefined {
  const { isError, structuredContent } = (result ?? {}) as {
    isError?: boolean
    structuredContent?: Record<string, unknown>
  }
  return isError ? undefined : structuredContent
}
