import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The largest body that any route accepts, in bytes. */
export const BODY_LIMIT = 2 * 1024 * 1024

// A body over the limit is read to its end and discarded, so that the client can read the 413 response. After this many
// bytes, reading stops.
const DRAIN_LIMIT = 8 * BODY_LIMIT

const LOGGED_TEXT_LIMIT = 64 * 1024

/** A request body as it was received. */
export interface ReceivedBody {
  /** Null unless `outcome` is `whole`. */
  bytes: Buffer | null
  outcome: 'none' | 'whole' | 'too large' | 'cut short'
  /** The first 64 KiB as text, cut between characters. */
  text: string | null
  /** SHA-256 of all bytes that were read, in hex; null without a body. */
  sha256: string | null
}

export const NO_BODY: ReceivedBody = { bytes: null, outcome: 'none', text: null, sha256: null }

/** Reads the whole body. Never throws. */
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
    // The client disconnected. The request is still logged.
    outcome = 'cut short'
  }
  if (size === 0 && outcome === 'whole') return NO_BODY

  const bytes = Buffer.concat(kept)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const text = decoder.decode(bytes.subarray(0, LOGGED_TEXT_LIMIT), { stream: bytes.length > LOGGED_TEXT_LIMIT })
  return { bytes: outcome === 'whole' ? bytes : null, outcome, text, sha256: digest.digest('hex') }
}
