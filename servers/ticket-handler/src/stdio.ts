// Copied on purpose: a fault here must stay here.
import type { Readable, Writable } from 'node:stream'
import type { JsonRpc, WireFault } from '@narrow-deputies/guardrails/audit'
import { splitLines } from './lines.ts'
import { parseMessage } from './message.ts'

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
