import { objectOf } from '../surface.ts'
import { Pending } from './pending.ts'
import { LIMITS, type Message, parseBounded, type Wire, WireError } from './wire.ts'

export interface Endpoint {
  readonly url: URL
  /** An access token; never shown. */
  readonly token: string | undefined
}

const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'

/** Speaks to a server over Streamable HTTP. */
export function openHttp({ url, token }: Endpoint): Wire {
  let session: string | undefined
  let totalBytes = 0
  const pending = new Pending(
    message => void post(JSON.stringify(message), headersFor(message), 10_000).catch(() => {}),
  )

  const headersFor = (message: Message): Record<string, string> => {
    const params = objectOf(message.params)
    const version = objectOf(params._meta)[PROTOCOL_VERSION]
    return {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(session !== undefined && { 'Mcp-Session-Id': session }),
      ...(typeof version === 'string' && {
        'MCP-Protocol-Version': version,
        'Mcp-Method': String(message.method),
        ...(typeof params.name === 'string' && { 'Mcp-Name': params.name }),
      }),
    }
  }

  /** Takes in every message of the reply, until `until` says that it has seen enough. */
  const post = async (
    body: string,
    headers: Record<string, string>,
    timeoutMs: number,
    until: (message: Message) => boolean = () => false,
  ): Promise<Response> => {
    const signal = AbortSignal.timeout(timeoutMs)
    let response: Response
    try {
      response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
      session ??= response.headers.get('mcp-session-id') ?? undefined
      await readMessages(response, until)
    } catch (error) {
      if (error instanceof WireError) throw error
      if (signal.aborted) throw new WireError('timeout', `no reply in ${timeoutMs} ms`)
      throw new WireError('closed', 'the server cannot be reached, or broke off')
    }
    return response
  }

  const readMessages = async (response: Response, until: (message: Message) => boolean): Promise<void> => {
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of response.body ?? []) {
      totalBytes += chunk.length
      text += decoder.decode(chunk as Uint8Array, { stream: true })
      if (text.length > LIMITS.messageBytes || totalBytes > LIMITS.totalBytes) {
        pending.note('too-large', 'it sent more than anybody should have to read, and was cut off')
        throw new WireError('too-large', 'the server sent too much')
      }
      if (!isStream) continue
      const events = text.split(/\r?\n\r?\n/)
      text = events.pop() ?? ''
      for (const event of events) if (take(dataOf(event), until)) return
    }
    if (!isStream) take(text, until)
  }

  const take = (text: string, until: (message: Message) => boolean): boolean => {
    if (text.trim() === '') return false
    let message: unknown
    try {
      message = parseBounded(text)
    } catch (error) {
      if (!(error instanceof WireError) || error.fault === 'not-json') return false
      pending.note('too-deep', error.message)
      return false
    }
    pending.dispatch(message)
    return until(objectOf(message))
  }

  return {
    async request(message, timeoutMs) {
      const reply = pending.wait(message.id, timeoutMs)
      reply.catch(() => {})
      const { status, headers } = await post(
        JSON.stringify(message),
        headersFor(message),
        timeoutMs,
        ({ id, method }) => method === undefined && id === message.id,
      )
      return await Promise.race([
        reply,
        new Promise<never>((_, reject) => {
          // What was read is taken in already: if it answered, that came first.
          setImmediate(reject, new WireError('http', `HTTP ${status} without a reply`, { status, headers }))
        }),
      ])
    },
    async notify(message) {
      await post(JSON.stringify(message), headersFor(message), 10_000).catch(() => {})
    },
    async raw(text, timeoutMs) {
      const reply = pending.wait(null, timeoutMs)
      reply.catch(() => {})
      await post(text, headersFor({}), timeoutMs)
      return await Promise.race([reply, new Promise<undefined>(resolve => setImmediate(resolve, undefined))])
    },
    get onAsked() {
      return pending.onAsked
    },
    set onAsked(answer) {
      pending.onAsked = answer
    },
    get oddities() {
      return pending.oddities
    },
    stderr: '',
    async close() {
      if (session === undefined) return
      const headers = headersFor({})
      await fetch(url, { method: 'DELETE', headers, signal: AbortSignal.timeout(5_000) }).catch(() => {})
    },
  }
}

function dataOf(event: string): string {
  return event
    .split(/\r?\n/)
    .filter(line => line.startsWith('data:'))
    .map(line => line.slice(5).trimStart())
    .join('\n')
}
