import { randomBytes } from 'node:crypto'

// 32 characters, so that `byte % 32` has no bias. Without l, o, 0 and 1, which are easily confused.
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'

/** Generates a record id: the prefix, an underscore and 12 random lowercase letters and digits (60 bits). */
export function newId(prefix: 'art' | 'cus' | 'tic'): string {
  return `${prefix}_${Array.from(randomBytes(12), byte => ALPHABET[byte % 32]).join('')}`
}
