import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The most that any route takes, in bytes: 2 MiB. */
export const BODY_LIMIT = 2 * 1024 * 1024

// Past the limit the rest is read and dropped, so that the client gets to read its 413; past this it is cut off.
const DRAIN_LIMIT = 8 * BODY_LIMIT

const LOGGED_TEXT_LIMIT = 64 * 1024

/** A request body as it arrived. */
export interface ReceivedBody {
  /** Null without a body, and for one over the limit, of which only the first bytes were kept. */
  bytes: Buffer | null
  outcome: 'none' | 'whole' | 'too large' | 'cut short'
  /** The first 64 KiB as text, without a character that the cut went through. */
  text: string | null
  /** Hex digest of all bytes that were read; null without a body. */
  sha256: string | null
}

export const NO_BODY: ReceivedBody = { bytes: null, outcome: 'none', text: null, sha256: null }

/** Reads the whole body before anything is decided about the request. Never throws. */
export async function receiveBody(raw: IncomingMessage): Promise<ReceivedBody> {
  const { 'content-length': length, 'transfer-encoding': encoding } = raw.headers
  if (encoding === undefined && (length === undefined || length === '0')) return NO_BODY

  const digest = createHash('sha256')
  const kept: Buffer[] = []
  let size = 0
  let outcome: ReceivedBody['outcome'] = 'whole'
  try {
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      size += chunk.length
      digest.update(chunk)
      if (size <= BODY_LIMIT) kept.push(chunk)
      else outcome = 'too large'
      if (size > DRAIN_LIMIT) break
    }
  } catch {
    // The client went away: there is nobody to tell, but the request log still shows the attempt.
    outcome = 'cut short'
  }
  if (size === 0 && outcome === 'whole') return NO_BODY

  const bytes = Buffer.concat(kept)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const text = decoder.decode(bytes.subarray(0, LOGGED_TEXT_LIMIT), { stream: bytes.length > LOGGED_TEXT_LIMIT })
  return { bytes: outcome === 'whole' ? bytes : null, outcome, text, sha256: digest.digest('hex') }
}
