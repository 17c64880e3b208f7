import type { Readable, Writable } from 'node:stream'
import { parseMessage } from '#call'
import type { JsonRpc, WireFault } from '#guardrails/audit'
import { splitLines } from './line-splitter.ts'

export interface StdioOptions {
  readonly input: Readable
  readonly output: Writable
  /** Whether a parsed message is one that the protocol knows. */
  readonly accepts: (message: unknown) => boolean
  /** Receives each line that is not a valid message. Returns the answer, or `null` for none. */
  readonly onFault: (fault: WireFault) => JsonRpc | null
}

/** Far above any call that a tool accepts. */
const MAX_LINE_BYTES = 4 * 1024 * 1024

/** How long calls may go on once the input has ended: 1.3 seconds. See the grace time in serve-stdio.ts. */
const DRAIN_MS = 1_300

/**
 * Carries one JSON-RPC message a line over standard input and output. The SDK's own transport drops what it cannot
 * parse; here every line is answered and on record.
 */
export function createStdioTransport({ input, output, accepts, onFault }: StdioOptions) {
  /** Ids of requests that wait for their reply. */
  const outstanding = new Set<unknown>()
  let drained = (): void => {}
  let closed = false

  const settle = (id: unknown): void => {
    outstanding.delete(id)
    if (outstanding.size === 0) drained()
  }

  const onLine = (bytes: Buffer): void => {
    const parsed = parseMessage(bytes)
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
    if (outstanding.size > 0)
      await new Promise<void>(resolve => {
        // It keeps the process alive: a call that waits for nothing of the system's would otherwise end unrecorded.
        const timer = setTimeout(resolve, DRAIN_MS)
        drained = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    await transport.close()
  }

  const transport = {
    onmessage: undefined as ((message: JsonRpc) => void) | undefined,
    onclose: undefined as (() => void) | undefined,
    onerror: undefined as ((error: Error) => void) | undefined,

    async start(): Promise<void> {
      input.on('data', onData).once('end', onEnd).once('error', onEnd)
      // The client is gone, and nothing can be answered.
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
