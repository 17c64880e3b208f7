import { type Answer, YES } from '../clients.ts'
import { type Question, questionOf } from '../human.ts'
import type { Message } from '../running-server.ts'
import { messageOf, type RemoteServer } from './remote-server.ts'

/** Calls a tool of the later era, and says which question it ended with. @throws if it asks nothing */
export async function ask(
  server: RemoteServer,
  token: string,
  tool: string,
  args: unknown,
  extra?: Message,
): Promise<Question> {
  const reply = messageOf(await server.call(token, tool, args, extra))
  const question = questionOf(reply)
  if (!question) throw new Error(`it asks nothing: ${JSON.stringify(reply)}`)
  return question
}

/** Calls a tool of the later era as a client with a human behind it, which may find another server for the answer. */
export async function callConfirmed(
  server: RemoteServer,
  token: string,
  tool: string,
  args: unknown,
  { answer = YES, answerAt = server, ...extra }: { answer?: Answer; answerAt?: RemoteServer; _meta?: Message } = {},
): Promise<Message> {
  const reply = messageOf(await server.call(token, tool, args, extra))
  const question = questionOf(reply)
  return question ? messageOf(await answerAt.call(token, tool, args, { ...extra, ...question.reply(answer) })) : reply
}
