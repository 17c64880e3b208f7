import { createInterface } from 'node:readline'

/** A tool that only reads, and takes a short text. */
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

/** What a well-behaved server of the earlier protocol era answers. */
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

/** Answers each message on standard input with what `answer` returns, if anything. */
export function listen(answer) {
  createInterface({ input: process.stdin }).on('line', line => {
    let message
    try {
      message = JSON.parse(line)
    } catch {
      return
    }
    // Beside what it does badly on purpose, it holds up.
    if (typeof message !== 'object' || message === null || Array.isArray(message)) return
    const reply = answer(message)
    if (reply !== undefined && message.id !== undefined) send(reply)
  })
}

/** Writes for ever, as fast as somebody reads. */
export function pour(stream, text) {
  const go = () => {
    while (stream.write(text));
    stream.once('drain', go)
  }
  stream.on('error', () => process.exit(0))
  go()
}

/** Escapes of terminals, and what turns text round or hides in it. */
export const ESCAPES =
  '\u001b[2J\u001b[31mred\u001b]0;title\u0007\u001b]8;;https://evil.example\u001b\\link\u009b5n\u0090q\u009c \u202Eabc\u2066\u200b\u{E0041}\r\nnext'
