import { randomBytes } from 'node:crypto'

// 32 characters, so that a byte maps to one without bias; l, o, 0 and 1 are left out because people read ids aloud.
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'

/** A new record id: the prefix, an underscore and 12 random lowercase alphanumerics (60 bits). */
export function newId(prefix: 'art' | 'cus' | 'tic'): string {
  return `${prefix}_${Array.from(randomBytes(12), byte => ALPHABET[byte % 32]).join('')}`
}
