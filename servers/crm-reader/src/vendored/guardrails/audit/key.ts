import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'

const MIN_BYTES = 32

export interface AuditKey {
  /** Names the key in records without giving it away: 8 hex digits. */
  readonly kid: string
  /** HMAC-SHA256 of a line, hex. */
  mac(covered: string): string
  matches(covered: string, mac: string): boolean
  /** The same value gives the same pseudonym under one key, in every server: `hmac:<kid>:<32 hex digits>`. */
  pseudonym(value: string): string
}

/**
 * Reads a key: at least 32 bytes, in hex or base64 (either alphabet).
 *
 * @throws {RangeError} whose message does not hold the key
 */
export function parseKeyBytes(text: string): Buffer {
  const trimmed = text.trim()
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(trimmed)
  const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed)
  if (!isHex && !isBase64) throw new RangeError('a key is written in hex or base64')
  const bytes = Buffer.from(trimmed, isHex ? 'hex' : 'base64')
  if (bytes.length < MIN_BYTES) throw new RangeError(`a key has at least ${MIN_BYTES} bytes, not ${bytes.length}`)
  return bytes
}

/**
 * Reads an audit key: at least 32 bytes, in hex or base64 (either alphabet).
 *
 * @throws {RangeError} whose message does not hold the key
 */
export function parseAuditKey(text: string): AuditKey {
  const bytes = parseKeyBytes(text)
  const kid = createHash('sha256').update('narrow-deputies audit kid\0').update(bytes).digest('hex').slice(0, 8)
  // A key of its own: a caller chooses what is pseudonymised, and must not be able to have a record's MAC made that way.
  const pseudonymKey = createSecretKey(
    createHmac('sha256', bytes).update('narrow-deputies audit pseudonym v1').digest(),
  )
  // Key objects: from raw bytes, Node 24 makes one anew for each record, at six times the cost of the MAC.
  const macKey = createSecretKey(bytes)
  const mac = (covered: string): string => createHmac('sha256', macKey).update(covered).digest('hex')
  return {
    kid,
    mac,
    matches(covered, given) {
      const expected = Buffer.from(mac(covered))
      const actual = Buffer.from(given)
      return expected.length === actual.length && timingSafeEqual(expected, actual)
    },
    pseudonym: value => `hmac:${kid}:${createHmac('sha256', pseudonymKey).update(value).digest('hex').slice(0, 32)}`,
  }
}
