import { type Answer, YES } from '../clients.ts'
import { type Question, questionOf } from '../human.ts'
import type { Message } from '../running-server.ts'
import { messageOf, type RemoteServer } from './remote-server.ts'

/** Calls a tool in the modern era. Resolves to its confirmation request. @throws if there is none */
export async function ask(
  server: RemoteServer,
  token: string,
  tool: string,
  args: unknown,
  extra?: Message,
): Promise<Question> {
  const reply = messageOf(await server.call(token, tool, args, extra))
  const question = questionOf(reply)
  if (!question) throw new Error(`there is no confirmation request: ${JSON.stringify(reply)}`)
  return question
}

/** Calls a tool in the modern era and confirms it. The answer can go to another replica. */
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
