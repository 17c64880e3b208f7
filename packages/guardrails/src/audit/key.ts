import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'

const MIN_BYTES = 32

export interface AuditKey {
  /** The id of the key in records, 8 hex digits. It does not reveal the key. */
  readonly kid: string
  /** HMAC-SHA256 of a line, in hex. */
  mac(covered: string): string
  matches(covered: string, mac: string): boolean
  /** `hmac:<kid>:<32 hex digits>`. Under one key, a value has the same pseudonym in every server. */
  pseudonym(value: string): string
}

/**
 * Decodes a key of at least 32 bytes from hex, base64 or base64url.
 *
 * @throws {RangeError} with a message that does not contain the key
 */
export function parseKeyBytes(text: string): Buffer {
  const trimmed = text.trim()
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(trimmed)
  const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed)
  if (!isHex && !isBase64) throw new RangeError('a key must be in hex or base64')
  const bytes = Buffer.from(trimmed, isHex ? 'hex' : 'base64')
  if (bytes.length < MIN_BYTES) throw new RangeError(`a key has at least ${MIN_BYTES} bytes, not ${bytes.length}`)
  return bytes
}

/**
 * Reads an audit key of at least 32 bytes from hex, base64 or base64url.
 *
 * @throws {RangeError} with a message that does not contain the key
 */
export function parseAuditKey(text: string): AuditKey {
  const bytes = parseKeyBytes(text)
  const kid = createHash('sha256').update('narrow-deputies audit kid\0').update(bytes).digest('hex').slice(0, 8)
  // Derived, because a caller chooses the values that become pseudonyms: with the same key, they could obtain a MAC.
  const pseudonymKey = createSecretKey(
    createHmac('sha256', bytes).update('narrow-deputies audit pseudonym v1').digest(),
  )
  // Given raw bytes, Node 24 creates a key object for each record, which costs six times as much as the MAC.
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
