import type { IncomingMessage } from 'node:http'
import { Refusal } from './admission.ts'

/** More than any call that a tool accepts needs. It bounds memory: one caller can have many requests open at once. */
const MAX_BYTES = 128 * 1024

/**
 * Reads a whole body. Stops as soon as it is known to be too long.
 *
 * @throws {Refusal} 413 if the body is too long, 400 if it breaks off
 */
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
