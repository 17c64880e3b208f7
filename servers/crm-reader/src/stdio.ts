// Copied on purpose: a fault here must stay here.
import { isUtf8 } from 'node:buffer'
import type { Readable, Writable } from 'node:stream'
import type { JsonRpc, WireFault } from '@narrow-deputies/guardrails/audit'
import { splitLines } from './lines.ts'

export interface StdioOptions {
  readonly input: Readable
  readonly output: Writable
  /** Whether a parsed message is one that the protocol knows. */
  readonly accepts: (message: unknown) => boolean
  /** Told of each line that is no message; what to answer, or `null`. */
  readonly onFault: (fault: WireFault) => JsonRpc | null
}

/** Far above any call that a tool accepts. */
const MAX_LINE_BYTES = 4 * 1024 * 1024

/** Deeper than any message of the protocol; below what overflows a stack. */
const MAX_DEPTH = 64

/** How long calls may go on once nobody sends any more: three seconds. */
const DRAIN_MS = 3_000

/**
 * One JSON-RPC message a line, over standard input and output. Not the SDK's own transport: that one drops what it
 * cannot parse, and here every line is answered and on record.
 */
export function createStdioTransport({ input, output, accepts, onFault }: StdioOptions) {
  /** Requests that wait for their reply. */
  const outstanding = new Set<unknown>()
  let drained = (): void => {}
  let closed = false

  const settle = (id: unknown): void => {
    outstanding.delete(id)
    if (outstanding.size === 0) drained()
  }

  const onLine = (bytes: Buffer): void => {
    const parsed = parse(bytes)
    if (!parsed) return
    const fault: WireFault | undefined =
      'reason' in parsed
        ? parsed
        : accepts(parsed.message)
          ? undefined
          : { message: parsed.message, reason: 'not a valid message of the protocol' }
    if (fault) return void reply(onFault(fault))
    const message = parsed.message as JsonRpc
    if (message.method !== undefined && message.id !== undefined) outstanding.add(message.id)
    if (message.method === 'notifications/cancelled')
      settle((message.params as { requestId?: unknown } | undefined)?.requestId)
    transport.onmessage?.(message)
  }
  const onOverlong = (): void => void reply(onFault({ reason: `a message is longer than ${MAX_LINE_BYTES} bytes` }))
  const onData = splitLines(MAX_LINE_BYTES, onLine, onOverlong)

  const reply = async (message: JsonRpc | null): Promise<void> => {
    if (message) await transport.send(message).catch(error => transport.onerror?.(error as Error))
  }

  const onEnd = async (): Promise<void> => {
    const timer = new Promise(resolve => setTimeout(resolve, DRAIN_MS).unref())
    if (outstanding.size > 0)
      await Promise.race([
        timer,
        new Promise<void>(resolve => {
          drained = resolve
        }),
      ])
    await transport.close()
  }

  const transport = {
    onmessage: undefined as ((message: JsonRpc) => void) | undefined,
    onclose: undefined as (() => void) | undefined,
    onerror: undefined as ((error: Error) => void) | undefined,

    async start(): Promise<void> {
      input.on('data', onData).once('end', onEnd).once('error', onEnd)
      // The client is gone: nothing can be answered any more.
      output.once('error', () => void transport.close())
    },

    send(message: JsonRpc): Promise<void> {
      if (closed) return Promise.reject(new Error('the connection is closed'))
      if (message.method === undefined) settle(message.id)
      return new Promise((resolve, reject) => {
        output.write(`${JSON.stringify(message)}\n`, error => (error ? reject(error) : resolve()))
      })
    },

    async close(): Promise<void> {
      if (closed) return
      closed = true
      input.off('data', onData).pause()
      transport.onclose?.()
    },
  }
  return transport
}

/** Undefined for an empty line. */
function parse(bytes: Buffer): { message: unknown } | WireFault | undefined {
  // Decoding would put something else in the place of what is no UTF-8.
  if (!isUtf8(bytes)) return { reason: 'not UTF-8' }
  const line = bytes.toString('utf8')
  if (/^[ \t\r]*$/.test(line)) return undefined
  let message: unknown
  try {
    message = JSON.parse(line)
  } catch {
    return { reason: 'not JSON' }
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    return { reason: 'not a JSON-RPC message' }
  if (isDeeperThan(MAX_DEPTH, message))
    return { message: outlineOf(message), reason: `nested deeper than ${MAX_DEPTH} levels` }
  // Libraries on the way would drop it without a word, and the call would be another one.
  const { params } = message as { params?: { arguments?: unknown } | null }
  if (Object.hasOwn(params?.arguments ?? {}, '__proto__'))
    return { message: outlineOf(message), reason: 'an argument named __proto__' }
  return { message }
}

/** What tells whose message it was, and nothing that is nested: enough to answer it. */
function outlineOf(message: object): object {
  const { id, method, params } = message as { id?: unknown; method?: unknown; params?: { name?: unknown } }
  const name = params?.name
  return { id, method, ...(typeof name === 'string' && { params: { name } }) }
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(item => isDeeperThan(levels - 1, item))
}
