import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { YES } from '../src/clients.ts'
import { outputOf, questionOf } from '../src/human.ts'
import { isQuestion, isReply } from '../src/remote/legacy-session.ts'
import { modernHeaders, modernMessage } from '../src/remote/modern-message.ts'
import { errorCodeOf, type Message } from '../src/running-server.ts'
import type { Answer, Door } from './door.ts'

/** The policy of the callers here, which is one that any client can follow. */
export const RETRY_POLICY = `How callers try again, for a broken connection and for 502, 503 and 504, every 200 ms for half a minute:
  a read            is sent again.
  a first request   of a confirmed write is sent again: nothing happens before the answer.
  an answer         is sent again as it was. CONFIRMATION_INVALID then means that the first one may have counted: what
                    became of it is looked up, and nothing is asked anew.
  publishDraft      without a question is sent again: the blog knows the same draft.
  a 503 in JSON     was not begun by anybody, and CONFIRMATION_UNAVAILABLE did nothing: whatever it was is sent again.
  a session         that is gone (404) is begun anew, for a read; a write is not repeated, but looked up.
`

const RETRY_MS = 200
const PATIENCE_MS = 30_000

/** Why something was tried again, and how often. */
export type Troubles = Map<string, number>

/** How a call ended: `unknown` is for who looks it up. */
export type Ending =
  | { kind: 'done'; output: Record<string, unknown> }
  | { kind: 'unknown' }
  | { kind: 'failed'; code: string }

/** What a caller was told, to be compared with what is on record. */
export interface Acknowledged {
  readonly traceId: string
  readonly done: boolean
}

/** One program that acts for one person, in both eras. */
export class Caller {
  readonly acknowledged: Acknowledged[] = []
  readonly #door: Door
  readonly #token: string
  readonly #troubles: Troubles
  #session: string | undefined

  constructor(door: Door, token: string, troubles: Troubles) {
    this.#door = door
    this.#token = token
    this.#troubles = troubles
  }

  /** A call of the later era; its human says yes. @param repeatable whether it may be sent again when nobody knows */
  async modern(name: string, args: unknown, repeatable: boolean): Promise<Ending> {
    const first = await this.#untilAnswered(() => this.#send(name, args), repeatable)
    if (!first) return { kind: 'unknown' }
    const question = questionOf(first)
    if (!question) return endingOf(first)
    const answer = question.reply(YES)
    let sent = 0
    const reply = await this.#untilAnswered(() => {
      sent += 1
      return this.#send(name, args, answer)
    }, true)
    if (!reply) return { kind: 'unknown' }
    const ending = endingOf(reply)
    return ending.kind === 'failed' && ending.code === 'CONFIRMATION_INVALID' && sent > 1 ? { kind: 'unknown' } : ending
  }

  async #send(name: string, args: unknown, extra: Message = {}): Promise<Answer> {
    const { traceId, _meta } = newTrace()
    const params = { name, arguments: args, ...extra, _meta }
    const body = JSON.stringify(modernMessage('tools/call', params))
    const answer = await this.#door.knock({ headers: modernHeaders(this.#token, 'tools/call', params), body })
    this.#note(traceId, answer)
    return answer
  }

  /** A call of the earlier era, in this caller's session; its human says yes. */
  async legacy(name: string, args: unknown, repeatable: boolean): Promise<Ending> {
    const reply = await this.#untilAnswered(async () => {
      this.#session ??= await this.#greet()
      const { traceId, _meta } = newTrace()
      const message = { jsonrpc: '2.0', id: traceId, method: 'tools/call', params: { name, arguments: args, _meta } }
      const onMessage = (question: Message): void => {
        if (isQuestion(question)) void this.#answer(question)
      }
      const answer = await this.#post(message, onMessage)
      if (answer.status === 404) this.#session = undefined
      else this.#note(traceId, answer)
      return answer
    }, repeatable)
    return reply ? endingOf(reply) : { kind: 'unknown' }
  }

  /** An answer that is lost would leave its call waiting for minutes. */
  async #answer({ id }: Message): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (performance.now() < deadline) {
      const answer = await this.#post({ jsonrpc: '2.0', id, result: YES }).catch(() => undefined)
      if (answer?.status === 202 || answer?.status === 404) return
      await pause(RETRY_MS)
    }
  }

  async #greet(): Promise<string | undefined> {
    this.#session = undefined
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: { elicitation: {} },
      clientInfo: { name: 'caller', version: '1.0.0' },
    }
    const { session } = await this.#post({ jsonrpc: '2.0', id: 0, method: 'initialize', params })
    if (session === undefined) throw new Error('no session')
    this.#session = session
    await this.#post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return session
  }

  async #post(message: Message, onMessage?: (message: Message) => void): Promise<Answer> {
    const headers = {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      Authorization: `Bearer ${this.#token}`,
      ...(this.#session !== undefined && { 'Mcp-Session-Id': this.#session }),
    }
    return await this.#door.knock({ headers, body: JSON.stringify(message), ...(onMessage && { onMessage }) })
  }

  #note(traceId: string, { status, messages }: Answer): void {
    const reply = messages.find(isReply)
    // What is refused before it is read is on record too, but nobody knew its trace.
    if (reply && status === 200) this.acknowledged.push({ traceId, done: outputOf(reply) !== undefined })
  }

  /** Undefined if what became of it is not known, and it must not be sent again. */
  async #untilAnswered(send: () => Promise<Answer>, repeatable: boolean): Promise<Message | undefined> {
    const deadline = performance.now() + PATIENCE_MS
    while (performance.now() < deadline) {
      const answer = await send().catch((error: NodeJS.ErrnoException) => error)
      const trouble = troubleOf(answer)
      if (trouble === undefined) return (answer as Answer).messages.find(isReply)
      this.#troubles.set(trouble.what, (this.#troubles.get(trouble.what) ?? 0) + 1)
      if (!repeatable && !trouble.harmless) return undefined
      await pause(RETRY_MS)
    }
    throw new Error('it was tried for half a minute')
  }
}

/** What stood in the way, if anything did, and whether it is sure that nothing was begun. */
function troubleOf(answer: Answer | NodeJS.ErrnoException): { what: string; harmless: boolean } | undefined {
  if (answer instanceof Error) {
    const what = answer.code ?? answer.message
    return { what, harmless: ['no session', 'ECONNREFUSED'].includes(what) }
  }
  const { status, messages } = answer
  if (status === 404) return { what: '404, the session is gone', harmless: true }
  if (status === 503)
    return { what: messages.length > 0 ? '503 from a server that stops' : '503 from the proxy', harmless: true }
  if (status === 502 || status === 504) return { what: `${status} from the proxy`, harmless: false }
  const reply = messages.find(isReply)
  const code = reply && errorCodeOf(reply)
  if (code === 'CONFIRMATION_UNAVAILABLE') return { what: code, harmless: true }
  if (reply) return undefined
  return { what: `${status} with no reply in it`, harmless: false }
}

function endingOf(reply: Message): Ending {
  const output = outputOf(reply)
  return output
    ? { kind: 'done', output }
    : { kind: 'failed', code: errorCodeOf(reply) ?? JSON.stringify(reply).slice(0, 200) }
}

function newTrace(): { traceId: string; _meta: Message } {
  const traceId = randomBytes(16).toString('hex')
  return { traceId, _meta: { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` } }
}
