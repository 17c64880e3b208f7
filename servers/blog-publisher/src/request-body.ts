// Copied on purpose: a fault here must stay here.
import type { IncomingMessage } from 'node:http'
import { Refusal } from './gate.ts'

/** Above any call that a tool accepts; one caller can have many on the way, or open while a person is asked. */
const MAX_BYTES = 128 * 1024

/** Reads a whole body, or as much of it as shows that it is too long. @throws {Refusal} */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  const tooLong = new Refusal(413, 'INVALID_INPUT', `a message has at most ${MAX_BYTES} bytes`)
  if (Number(req.headers['content-length'] ?? 0) > MAX_BYTES) throw tooLong
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > MAX_BYTES) throw tooLong
      chunks.push(chunk)
    }
  } catch (error) {
    if (error === tooLong) throw error
    throw new Refusal(400, 'INVALID_INPUT', 'the message ended early, or took too long')
  }
  return Buffer.concat(chunks)
}
