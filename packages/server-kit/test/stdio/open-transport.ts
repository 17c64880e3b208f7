import { PassThrough } from 'node:stream'
import type { JsonRpc, WireFault } from '#guardrails/audit'
import { createStdioTransport } from '../../src/stdio/transport.ts'

/** A transport over two streams of the test’s own. It accepts every message with a method or a result. */
export function openTransport() {
  const input = new PassThrough()
  const output = new PassThrough()
  const messages: JsonRpc[] = []
  const faults: WireFault[] = []
  const errors: Error[] = []
  const transport = createStdioTransport({
    input,
    output,
    accepts: message => typeof (message as JsonRpc).method === 'string' || 'result' in (message as JsonRpc),
    onFault(fault) {
      faults.push(fault)
      return { jsonrpc: '2.0', id: null, error: { code: -32700, message: fault.reason } }
    },
  })
  let closes = 0
  transport.onmessage = message => void messages.push(message)
  transport.onerror = error => void errors.push(error)
  transport.onclose = () => {
    closes += 1
  }
  void transport.start()
  return {
    input,
    output,
    transport,
    messages,
    faults,
    errors,
    closes: () => closes,
    /** Everything that was written since the last look, as messages. */
    written: () =>
      String(output.read() ?? '')
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as JsonRpc),
    /** Resolves when what was written to the input has been read. */
    settled: () => new Promise(resolve => setImmediate(() => setImmediate(resolve))),
  }
}

export function notification(text: string): JsonRpc {
  return { jsonrpc: '2.0', method: 'note', params: { text } }
}

export function lineOf(message: JsonRpc): string {
  return `${JSON.stringify(message)}\n`
}
