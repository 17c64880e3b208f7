import { createInterface } from 'node:readline'

/** A read-only tool with a short argument. */
export const HARMLESS = {
  name: 'getNote',
  description: 'Reads a note.',
  inputSchema: {
    type: 'object',
    properties: { id: { type: 'string', pattern: '^[a-z]{1,8}$', maxLength: 8 } },
    required: ['id'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
}

/** The replies of a correct server that speaks a 2025 protocol revision. */
export function answerTo({ id, method }, tools = [HARMLESS]) {
  const reply = result => ({ jsonrpc: '2.0', id, result })
  if (method === 'initialize')
    return reply({
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'hostile', version: '1' },
    })
  if (method === 'tools/list') return reply({ tools })
  if (method === 'tools/call') return reply({ content: [{ type: 'text', text: 'refused' }], isError: true })
  return { jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } }
}

export function send(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/** Answers each message on standard input with the result of `answer`, if any. */
export function listen(answer) {
  createInterface({ input: process.stdin }).on('line', line => {
    let message
    try {
      message = JSON.parse(line)
    } catch {
      return
    }
    // Apart from their intended defect, the hostile servers are robust.
    if (typeof message !== 'object' || message === null || Array.isArray(message)) return
    const reply = answer(message)
    if (reply !== undefined && message.id !== undefined) send(reply)
  })
}

/** Writes without end, as fast as the client reads. */
export function pour(stream, text) {
  const go = () => {
    while (stream.write(text));
    stream.once('drain', go)
  }
  stream.on('error', () => process.exit(0))
  go()
}

/** Terminal escapes, bidirectional controls and invisible characters. */
export const ESCAPES =
  '\u001b[2J\u001b[31mred\u001b]0;title\u0007\u001b]8;;https://evil.example\u001b\\link\u009b5n\u0090q\u009c \u202Eabc\u2066\u200b\u{E0041}\r\nnext'
