import { objectOf } from '../surface.ts'
import { connectionTooLarge, LineReader, messageTooLarge } from './line-reader.ts'
import { Pending } from './pending.ts'
import { LIMITS, type Message, type Wire, WireError } from './wire.ts'

export interface Endpoint {
  readonly url: URL
  /** An access token. It must not be displayed. */
  readonly token: string | undefined
}

/** The reply that a request waits for. */
interface AwaitedReply {
  /** The id of the request; undefined if it has none. */
  readonly id?: unknown
  readonly isReply: (message: Message) => boolean
}

const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'
/** Timeout for messages without a reply. */
const NO_REPLY_TIMEOUT_MS = 5_000

/** Opens a connection over Streamable HTTP. */
export function openHttp({ url, token }: Endpoint): Wire {
  let session: string | undefined
  let agreedVersion: string | undefined
  let totalBytes = 0
  const stop = new AbortController()
  const pending = new Pending(
    message => void post(JSON.stringify(message), headersFor(message), NO_REPLY_TIMEOUT_MS).catch(() => {}),
  )

  const headersFor = (message: Message): Record<string, string> => {
    const params = objectOf(message.params)
    const own = objectOf(params._meta)[PROTOCOL_VERSION]
    const version = typeof own === 'string' ? own : agreedVersion
    return {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      // Compressed replies could expand to more than the size limit.
      'Accept-Encoding': 'identity',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(session !== undefined && { 'Mcp-Session-Id': session }),
      ...(version !== undefined && { 'MCP-Protocol-Version': version }),
      ...(typeof own === 'string' && {
        'Mcp-Method': String(message.method),
        ...(typeof params.name === 'string' && { 'Mcp-Name': headerValue(params.name) }),
      }),
    }
  }

  /**
   * Sends a body and processes the messages of the reply until the awaited one. Without an awaited reply, the body is
   * discarded.
   */
  const post = async (
    body: string,
    headers: Record<string, string>,
    timeoutMs: number,
    awaited?: AwaitedReply,
  ): Promise<Response> => {
    const timer = new AbortController()
    const timeout = setTimeout(() => timer.abort(), timeoutMs)
    const signal = AbortSignal.any([timer.signal, stop.signal])
    try {
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
      session ??= response.headers.get('mcp-session-id') ?? undefined
      if (awaited) await readMessages(response, awaited)
      else await response.body?.cancel()
      return response
    } catch (error) {
      if (error instanceof WireError) throw error
      if (stop.signal.aborted) throw stop.signal.reason as WireError
      if (timer.signal.aborted) throw new WireError('timeout', `no reply in ${timeoutMs} ms`)
      throw unreachable(error)
    } finally {
      clearTimeout(timeout)
    }
  }

  const readMessages = async (response: Response, { id, isReply }: AwaitedReply): Promise<void> => {
    const inReplyTo = id === undefined ? undefined : { id, isRefused: !response.ok }
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
    let isDone = false
    const take = (text: string): void => {
      if (!isDone) isDone = isReply(objectOf(pending.take(text, inReplyTo)))
    }
    let event: string[] = []
    let eventCharacters = 0
    const lines = new LineReader((line, isUtf8) => {
      if (!isUtf8) pending.note('noise', 'it sent bytes that are not valid UTF-8')
      if (isStream && line === '') {
        take(event.join('\n'))
        event = []
        eventCharacters = 0
      } else if (!isStream || line.startsWith('data:')) {
        event.push(isStream ? line.slice(5).trimStart() : line)
        eventCharacters += line.length + 1
        if (eventCharacters > LIMITS.messageBytes) throw messageTooLarge()
      }
    })
    try {
      for await (const chunk of response.body ?? []) {
        totalBytes += chunk.length
        lines.push(chunk as Uint8Array)
        if (isDone) return
        if (totalBytes > LIMITS.totalBytes) throw connectionTooLarge()
      }
      lines.end()
      take(event.join('\n'))
    } catch (error) {
      if (error instanceof WireError) pending.note('too-large', `${error.message}; the connection was closed`)
      throw error
    }
  }

  return {
    async request(message, timeoutMs) {
      const reply = pending.wait(message.id, timeoutMs)
      reply.catch(() => {})
      let failure: WireError
      try {
        const isReply = ({ id, method, error }: Message): boolean =>
          method === undefined && (id === message.id || (error !== undefined && (id ?? null) === null))
        const awaited = { id: message.id, isReply }
        const { status, headers } = await post(JSON.stringify(message), headersFor(message), timeoutMs, awaited)
        const text =
          status >= 300 && status < 400
            ? 'the server redirects, and preship does not follow redirects'
            : 'the response contains no reply'
        failure = new WireError('http', `HTTP ${status}: ${text}`, { status, headers })
      } catch (error) {
        failure = error as WireError
      }
      // All messages that were read are processed by now. If one was the reply, this has no effect.
      pending.giveUp(message.id, failure)
      const answer = await reply
      const version = message.method === 'initialize' ? objectOf(answer.result).protocolVersion : undefined
      if (typeof version === 'string' && /^[\d-]{1,20}$/.test(version)) agreedVersion = version
      return answer
    },
    async notify(message) {
      await post(JSON.stringify(message), headersFor(message), NO_REPLY_TIMEOUT_MS).catch(() => {})
    },
    async raw(text, timeoutMs) {
      const reply = pending.wait(null, timeoutMs).catch((error: WireError) => {
        if (error.fault === 'timeout') return undefined
        throw error
      })
      reply.catch(() => {})
      try {
        const isReply = ({ method, ...rest }: Message): boolean => method === undefined && 'jsonrpc' in rest
        await post(text, headersFor({}), timeoutMs, { isReply })
        pending.giveUp(null, new WireError('timeout', 'no reply'))
      } catch (error) {
        pending.giveUp(null, error as WireError)
      }
      return await reply
    },
    get onAsked() {
      return pending.onAsked
    },
    set onAsked(answer) {
      pending.onAsked = answer
    },
    get anomalies() {
      return pending.anomalies
    },
    stderr: '',
    abort(error) {
      pending.fail(error)
      stop.abort(error)
    },
    async close() {
      if (session !== undefined && !stop.signal.aborted) {
        const signal = AbortSignal.timeout(NO_REPLY_TIMEOUT_MS)
        const response = await fetch(url, {
          method: 'DELETE',
          headers: headersFor({}),
          redirect: 'manual',
          signal,
        }).catch(() => undefined)
        await response?.body?.cancel().catch(() => {})
      }
      const closed = new WireError('closed', 'the connection was closed')
      pending.fail(closed)
      stop.abort(closed)
    },
  }
}

/** Encodes a header value. Values outside printable ASCII use the base64 form of the protocol. */
function headerValue(text: string): string {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`
}

function unreachable(error: unknown): WireError {
  const code = objectOf(objectOf(error).cause).code
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return new WireError('too-large', 'the response headers exceed the size limit')
  const shown = typeof code === 'string' && /^\w{1,40}$/.test(code) ? ` (${code})` : ''
  return new WireError('closed', `the server cannot be reached, or it closed the connection${shown}`)
}
