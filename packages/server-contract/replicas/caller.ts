import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { YES } from '../src/clients.ts'
import { outputOf, questionOf } from '../src/human.ts'
import { isQuestion, isReply } from '../src/remote/legacy-session.ts'
import { modernHeaders, modernMessage } from '../src/remote/modern-message.ts'
import { errorCodeOf, type Message } from '../src/running-server.ts'
import type { ProxyClient, ProxyResponse } from './proxy-client.ts'

/** The retry policy of the callers, which any client can follow. */
export const RETRY_POLICY = `After a broken connection, 502, 503 or 504, a caller tries again every 200 ms, for up to 30 seconds:

  - A read is sent again.
  - The first request of a confirmed write is sent again, because nothing is written before the person answers.
  - The answer of the person is sent again unchanged. If the reply is CONFIRMATION_INVALID, the first attempt may have
    counted. Then the caller looks up the result, and does not ask the person again.
  - publishDraft without a confirmation is sent again, because the blog recognizes the same draft.
  - After 503, refused connections and CONFIRMATION_UNAVAILABLE, any request is sent again, because it had no effect.
  - If a session is lost (404), the caller opens a new one and sends the request again.
  - Other writes in a session are not sent again. The caller looks up the result.
`

const RETRY_MS = 200
const RETRY_FOR_MS = 30_000

/** How often each problem caused a retry. */
export type RetryCounts = Map<string, number>

/** The outcome of a call. If it is `unknown`, the effect has to be looked up at the backend. */
export type Outcome =
  | { kind: 'done'; output: Record<string, unknown> }
  | { kind: 'unknown' }
  | { kind: 'failed'; code: string }

/** A call that was answered, to be compared with the audit records. */
export interface AnsweredCall {
  readonly traceId: string
  readonly done: boolean
}

/** A client that acts for one person, in both protocol eras. */
export class Caller {
  readonly answered: AnsweredCall[] = []
  readonly #client: ProxyClient
  readonly #token: string
  readonly #retries: RetryCounts
  #session: string | undefined

  constructor(client: ProxyClient, token: string, retries: RetryCounts) {
    this.#client = client
    this.#token = token
    this.#retries = retries
  }

  /**
   * Makes a call with protocol 2026-07-28, and confirms its question.
   *
   * @param repeatable whether the first request may be sent again if it may have had an effect
   */
  async modern(name: string, args: unknown, repeatable: boolean): Promise<Outcome> {
    const first = await this.#untilAnswered(() => this.#send(name, args), repeatable)
    if (!first) return { kind: 'unknown' }
    const question = questionOf(first)
    if (!question) return outcomeOf(first)
    const answer = question.reply(YES)
    let sent = 0
    const reply = await this.#untilAnswered(() => {
      sent += 1
      return this.#send(name, args, answer)
    }, true)
    if (!reply) return { kind: 'unknown' }
    const outcome = outcomeOf(reply)
    const isUnknown = outcome.kind === 'failed' && outcome.code === 'CONFIRMATION_INVALID' && sent > 1
    return isUnknown ? { kind: 'unknown' } : outcome
  }

  async #send(name: string, args: unknown, extra: Message = {}): Promise<ProxyResponse> {
    const { traceId, _meta } = newTrace()
    const params = { name, arguments: args, ...extra, _meta }
    const body = JSON.stringify(modernMessage('tools/call', params))
    const response = await this.#client.send({ headers: modernHeaders(this.#token, 'tools/call', params), body })
    this.#remember(traceId, response)
    return response
  }

  /** Makes a call with protocol 2025-06-18 in the session of this caller, and confirms its question. */
  async legacy(name: string, args: unknown, repeatable: boolean): Promise<Outcome> {
    const reply = await this.#untilAnswered(async () => {
      this.#session ??= await this.#openSession()
      const { traceId, _meta } = newTrace()
      const message = { jsonrpc: '2.0', id: traceId, method: 'tools/call', params: { name, arguments: args, _meta } }
      const onMessage = (question: Message): void => {
        if (isQuestion(question)) void this.#confirm(question)
      }
      const response = await this.#post(message, onMessage)
      if (response.status === 404) this.#session = undefined
      else this.#remember(traceId, response)
      return response
    }, repeatable)
    return reply ? outcomeOf(reply) : { kind: 'unknown' }
  }

  /** Sends the person's answer until it arrives, because the call would wait for it for minutes. */
  async #confirm({ id }: Message): Promise<void> {
    const deadline = performance.now() + RETRY_FOR_MS
    while (performance.now() < deadline) {
      const response = await this.#post({ jsonrpc: '2.0', id, result: YES }).catch(() => undefined)
      if (response?.status === 202 || response?.status === 404) return
      await pause(RETRY_MS)
    }
  }

  async #openSession(): Promise<string | undefined> {
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

  async #post(message: Message, onMessage?: (message: Message) => void): Promise<ProxyResponse> {
    const headers = {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      Authorization: `Bearer ${this.#token}`,
      ...(this.#session !== undefined && { 'Mcp-Session-Id': this.#session }),
    }
    return await this.#client.send({ headers, body: JSON.stringify(message), ...(onMessage && { onMessage }) })
  }

  #remember(traceId: string, { status, messages }: ProxyResponse): void {
    const reply = messages.find(isReply)
    // Requests that are refused before their body is read are recorded too, but without the caller's trace id.
    if (reply && status === 200) this.answered.push({ traceId, done: outputOf(reply) !== undefined })
  }

  /** Resolves to undefined if the request may have had an effect and must not be sent again. */
  async #untilAnswered(send: () => Promise<ProxyResponse>, repeatable: boolean): Promise<Message | undefined> {
    const deadline = performance.now() + RETRY_FOR_MS
    while (performance.now() < deadline) {
      const result = await send().catch((error: NodeJS.ErrnoException) => error)
      const problem = problemOf(result)
      if (problem === undefined) return (result as ProxyResponse).messages.find(isReply)
      this.#retries.set(problem.what, (this.#retries.get(problem.what) ?? 0) + 1)
      if (!repeatable && !problem.hadNoEffect) return undefined
      await pause(RETRY_MS)
    }
    throw new Error(`no reply after ${RETRY_FOR_MS / 1000} seconds of retries`)
  }
}

/** Why a request has to be sent again, if it has, and whether it certainly had no effect. */
function problemOf(result: ProxyResponse | NodeJS.ErrnoException): { what: string; hadNoEffect: boolean } | undefined {
  if (result instanceof Error) {
    const what = result.code ?? result.message
    return { what, hadNoEffect: ['no session', 'ECONNREFUSED'].includes(what) }
  }
  const { status, messages } = result
  if (status === 404) return { what: '404, the session is lost', hadNoEffect: true }
  if (status === 503)
    return { what: messages.length > 0 ? '503 from a server that stops' : '503 from the proxy', hadNoEffect: true }
  if (status === 502 || status === 504) return { what: `${status} from the proxy`, hadNoEffect: false }
  const reply = messages.find(isReply)
  const code = reply && errorCodeOf(reply)
  if (code === 'CONFIRMATION_UNAVAILABLE') return { what: code, hadNoEffect: true }
  if (reply) return undefined
  return { what: `${status} without a reply`, hadNoEffect: false }
}

function outcomeOf(reply: Message): Outcome {
  const output = outputOf(reply)
  return output
    ? { kind: 'done', output }
    : { kind: 'failed', code: errorCodeOf(reply) ?? JSON.stringify(reply).slice(0, 200) }
}

function newTrace(): { traceId: string; _meta: Message } {
  const traceId = randomBytes(16).toString('hex')
  return { traceId, _meta: { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` } }
}
